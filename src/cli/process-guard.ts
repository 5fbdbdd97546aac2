import type { EventEmitter } from "node:events";
import type { Clock } from "../model/clock.js";
import { EXIT, SyncError } from "../model/errors.js";
import { NOTHING_LOST } from "../model/remedies.js";

/** Signals that end a run, and the exit code of a process that one of them ended at once (128 + its number). */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** How long a run may take to end after its driver broke. */
const GRACE_MS = 5_000;

/** How often it is looked whether whoever started us is there. */
const PARENT_EVERY_MS = 1_000;

export interface GuardOptions {
  /** `process`, or a test's. */
  host: Pick<EventEmitter, "on" | "off">;
  exit: (code: number) => void;
  clock: Clock;
  /** Whether npm, which started us, is gone; null where nobody did who would have to hand signals on. */
  isAbandoned: (() => boolean) | null;
  /** Told what happens, for standard error. */
  say: (line: string) => void;
}

export interface Guard {
  /** Aborts, with a SyncError as the reason, when the run should end. */
  signal: AbortSignal;
  /** The run has ended: from here on, signals and errors do what they do without a guard. */
  release: () => void;
}

/**
 * Ends a run in order. The first SIGINT, SIGTERM or SIGHUP lets it stop between batches, the second ends the process
 * at once, which loses nothing either. postgres.js throws outside of any promise when a backend dies inside a
 * transaction: such an error ends the run too, and the process, should the run not notice. npm and npx hand no signal on:
 * where they started us and are gone, the run ends as by a signal.
 */
export function guardProcess({ host, exit, clock, isAbandoned, say }: GuardOptions): Guard {
  const controller = new AbortController();
  const released = new AbortController();
  let signalled = false;

  const onSignal = (name: keyof typeof SIGNALS): void => {
    if (signalled) {
      exit(SIGNALS[name]);
      return;
    }
    signalled = true;
    end(name, `${name}: stopping in order; once more stops at once.`);
  };
  const end = (by: string, line: string): void => {
    say(line);
    if (!controller.signal.aborted) controller.abort(interrupted(by));
  };
  const watchParent = async (wasLeft: () => boolean): Promise<void> => {
    while (!wasLeft()) await clock.sleep(PARENT_EVERY_MS, released.signal);
    end("the end of npm, which had started it", "npm is gone: stopping in order.");
  };
  if (isAbandoned !== null) watchParent(isAbandoned).catch(() => {}); // released
  const onError = (error: unknown): void => {
    if (!controller.signal.aborted) controller.abort(escaped(error));
    clock.sleep(GRACE_MS, released.signal).then(
      () => {
        say("The run did not end by itself after a connection broke; ending the process.");
        exit(EXIT.failed);
      },
      () => {},
    );
  };
  const listeners: [string, (argument: unknown) => void][] = [
    ...(Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map((name): [string, () => void] => [
      name,
      () => onSignal(name),
    ]),
    ["uncaughtException", onError],
    ["unhandledRejection", onError],
  ];
  for (const [event, listener] of listeners) host.on(event, listener);
  return {
    signal: controller.signal,
    release: () => {
      released.abort();
      for (const [event, listener] of listeners) host.off(event, listener);
    },
  };
}

function interrupted(name: string): SyncError {
  return new SyncError({
    code: "INTERRUPTED",
    message: `The run was stopped by ${name}.`,
    remedy: NOTHING_LOST,
  });
}

/** Drivers mark their errors with a code. An error without one is a mistake in the program. */
function escaped(error: unknown): SyncError {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") {
    return new SyncError({
      code: "INTERNAL",
      message: "Something unexpected happened outside of the run's own work.",
      remedy: "This is a bug. Nothing is lost; run again with --verbose and report what it prints.",
      cause: error,
    });
  }
  return new SyncError({
    code: "DATABASE_FAILED",
    message: `A connection to Postgres broke (${code}).`,
    remedy: `${NOTHING_LOST} If it happens again, look at the server's log.`,
    cause: error,
  });
}
