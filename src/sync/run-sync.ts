import { hostname } from "node:os";
import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { Clock } from "../model/clock.js";
import type { SyncConfig } from "../model/config.js";
import { SyncError } from "../model/errors.js";
import type { Notice, ProgressListener, RunMode, RunReport } from "../model/report.js";
import { ConvexSink } from "../sink/convex-sink.js";
import { WritePacer } from "../sink/write-pacer.js";
import type { SourceIdentity } from "../source/source-identity.js";
import { acquireLease, raiseEpoch, releaseLease } from "../state/lease.js";
import { purgeChanges } from "../state/change-log-size.js";
import { recordRun } from "../state/run-history.js";
import { effectsInPostgres } from "./effects-in-postgres.js";
import { warnOfBudget } from "./foresee-costs.js";
import { LeaseKeeper } from "./lease-keeper.js";
import { isolationSerializable } from "./notices.js";
import { openDatabase } from "./open-database.js";
import { openSource } from "./open-source.js";
import type { RunContext } from "./run-context.js";
import { summarise } from "./summarise-run.js";
import { surveyMirrors } from "./survey.js";
import { syncTables } from "./sync-tables.js";

export interface RunOptions {
  config: SyncConfig;
  mode: RunMode;
  /** Mirrors that may lose more documents than the guard allows. */
  allowDeletes: string[];
  /** Go on although the source is another one than the mirror was made from. */
  takeOver: boolean;
  progress: ProgressListener;
  clock: Clock;
  /** Aborts with a SyncError as its reason. */
  signal: AbortSignal;
}

/**
 * One run: the lease, the handshake, one table after the other, the report. A table that fails leaves the others
 * alone.
 * @throws SyncError when no table could be begun
 */
export async function runSync(options: RunOptions): Promise<RunReport> {
  const { config, clock } = options;
  const startedAtMs = clock.now();
  const database = openDatabase(config.database, config.settings, clock, options.signal);
  const sink = new ConvexSink({
    url: config.convex.url,
    syncKey: config.convex.syncKey.reveal(),
    clock,
    callTimeoutMs: config.settings.callTimeoutMs,
  });
  try {
    const identity = await openSource(database);
    return await underLease(options, { database, sink, identity, startedAtMs });
  } finally {
    await database.close();
  }
}

interface Opened {
  database: RunContext["database"];
  sink: ConvexSink;
  identity: SourceIdentity;
  startedAtMs: number;
}

async function underLease(options: RunOptions, opened: Opened): Promise<RunReport> {
  const { config, clock, progress } = options;
  const { database, sink, startedAtMs } = opened;
  const { leaseSeconds, runDeadlineMs, writeBytesPerSecond } = config.settings;
  const leaseMs = leaseSeconds * 1000;
  const runId = clock.uuid();
  const acquiredAtMs = clock.now();
  const lease = await acquireLease(database, config.convex.url, {
    nonce: runId,
    holder: `${hostname()}, process ${process.pid}`,
    leaseMs,
  });

  const stop = new AbortController();
  const deadline = new AbortController();
  const context: RunContext = {
    database,
    sink,
    effects: effectsInPostgres(() => context),
    pacer: Number.isFinite(writeBytesPerSecond) ? new WritePacer(writeBytesPerSecond, clock) : null,
    clock,
    settings: config.settings,
    allMirrors: config.allMirrors,
    target: config.target,
    listener: progress,
    lineage: opened.identity.lineage,
    timeline: opened.identity.timeline,
    history: opened.identity.history,
    lease: lease.token,
    ensureLease: () => keeper.ensure(),
    signal: AbortSignal.any([options.signal, stop.signal]),
    deadlineAt: startedAtMs + runDeadlineMs,
  };
  const keeper = new LeaseKeeper(database, () => context.lease, {
    leaseMs,
    acquiredAtMs,
    clock,
    onLost: (error) => stop.abort(error),
  });
  void clock.sleep(runDeadlineMs, deadline.signal).then(
    () => stop.abort(deadlinePassed(runDeadlineMs)),
    () => undefined,
  );

  const notices: Notice[] = [];
  if (opened.identity.isolation === "serializable") {
    notices.push(isolationSerializable());
    progress.notice(null, notices[0]!);
  }
  if (lease.replaced !== null) {
    const { holder, acquiredAt } = lease.replaced;
    notices.push({
      code: "LEASE_TAKEN_OVER",
      message:
        `The run of ${holder}, begun at ${acquiredAt}, neither ended nor renewed its lease; ` +
        "this one goes on from there.",
    });
    progress.notice(null, notices.at(-1)!);
  }
  try {
    // Only now: before the lease, another run may have been going on.
    const surveys = await surveyMirrors(context, config.mirrors);
    if (config.budget !== null) {
      for (const notice of await warnOfBudget(context, config.budget, options.mode, surveys)) {
        notices.push(notice);
        progress.notice(null, notice);
      }
    }
    await liftEpoch(
      context,
      surveys.map(({ handshake }) => handshake),
    );
    await purgeChanges(
      database,
      context.lease,
      surveys.map(({ config: { mirror } }) => mirror),
    );
    const reports = await syncTables(context, options, surveys);
    const report = summarise(reports, {
      mode: options.mode,
      runId,
      startedAtMs,
      finishedAtMs: clock.now(),
      shared: sink.shared,
      notices,
    });
    await recordRun(database, context.lease, report).catch((error: unknown) => {
      // What was done is done: a report that cannot be kept can still be read.
      if (!(error instanceof SyncError)) throw error;
      notices.push({ code: "RUN_NOT_RECORDED", message: `This run is not in the history: ${error.message}` });
      progress.notice(null, notices.at(-1)!);
    });
    return report;
  } finally {
    deadline.abort();
    await keeper.stop();
    await releaseLease(database, context.lease).catch(() => undefined); // it expires by itself
  }
}

/** Convex refuses an epoch that it has seen: Postgres may have been restored to before that run. */
async function liftEpoch(context: RunContext, mirrors: MirrorHandshake[]): Promise<void> {
  const highest = mirrors.reduce((max, { state }) => (state && state.epoch > max ? state.epoch : max), 0n);
  if (highest >= context.lease.epoch) {
    context.lease = await raiseEpoch(context.database, context.lease, highest);
  }
}

function deadlinePassed(runDeadlineMs: number): SyncError {
  return new SyncError({
    code: "INTERRUPTED",
    message: `The run took longer than its deadline of ${Math.round(runDeadlineMs / 60_000)} minutes and was stopped.`,
    remedy:
      "Nothing is lost: the next run goes on where this one stopped. Raise the deadline if a first load needs longer.",
  });
}
