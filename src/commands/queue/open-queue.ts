import type { ConstructorOptions, PgBoss } from "pg-boss";
import { SyncError } from "../../model/errors.js";
import { packagesMissing } from "../../model/packages-missing.js";
import type { Secret } from "../../model/secret.js";

/** In the queue's database: beside the tables of an app that uses the same library, and not among them. */
const SCHEMA = "datahub_sync_queue";

export const JOBS = "datahub-sync";
/** Where jobs go that have failed for good. */
export const FAILED_JOBS = "datahub-sync-failed";

/** A worker that is not heard of for so long is dead, and its job somebody else's. */
const HEARTBEAT_SECONDS = 30;

const DAY_SECONDS = 86_400;

/**
 * How jobs of ours are kept. Of each (deployment, kind, tables) one waits at most, and one is worked on: what commits while that one
 * goes on is the next one's. A run that takes long is not late, as its worker is heard of; one that fails is tried again
 * for a good hour, with growing pauses, and is kept among the failed ones then.
 */
const POLICY = {
  policy: "stately",
  retryLimit: 15,
  retryDelay: 5,
  retryBackoff: true,
  retryDelayMax: 600,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // The longest that the library takes.
  expireInSeconds: DAY_SECONDS - 1,
  retentionSeconds: 14 * DAY_SECONDS,
  deleteAfterSeconds: 7 * DAY_SECONDS,
} as const;

export interface QueueOptions {
  url: Secret;
  /** Looks after the queue as well: dead workers, schedules, what is old. Whoever only puts jobs in does not. */
  tends: boolean;
  /** Told of what fails in the background and is tried again. */
  warn: (message: string) => void;
  /** How the library keeps its times, in tests. */
  tuning?: ConstructorOptions;
}

/** @throws SyncError QUEUE_FAILED, PACKAGES_MISSING */
export async function openQueue({ url, tends, warn, tuning }: QueueOptions): Promise<PgBoss> {
  const { PgBoss: Boss } = await loadLibrary();
  const queue = new Boss({
    connectionString: url.reveal(),
    schema: SCHEMA,
    application_name: "datahub-sync",
    max: 4,
    supervise: tends,
    schedule: tends,
    // A worker that died should be missed as soon as its heartbeat may be.
    superviseIntervalSeconds: HEARTBEAT_SECONDS,
    monitorIntervalSeconds: HEARTBEAT_SECONDS,
    ...tuning,
  });
  queue.on("error", (error) => warn(`The queue: ${error.message}`));
  try {
    await queue.start();
    await queue.createQueue(FAILED_JOBS, { retentionSeconds: 14 * DAY_SECONDS });
    await queue.createQueue(JOBS, { ...POLICY, deadLetter: FAILED_JOBS });
    return queue;
  } catch (error) {
    await queue.stop({ graceful: false }).catch(() => undefined);
    throw queueFailed(error);
  }
}

/** What went wrong, without what the driver may have quoted. */
export function queueFailed(error: unknown): SyncError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = [code, message].filter((text): text is string => typeof text === "string" && text !== "");
  return new SyncError({
    code: "QUEUE_FAILED",
    message: `The queue's database failed (${known[0] ?? "unknown error"}).`,
    remedy:
      "Is it up, and does DATAHUB_SYNC_QUEUE_URL fit? The role must be allowed to create a schema in it.",
    cause: error,
  });
}

async function loadLibrary() {
  try {
    return await import("pg-boss");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw packagesMissing("The queue of workers", { "pg-boss": "^12" }, cause, { isForTrying: false });
  }
}
