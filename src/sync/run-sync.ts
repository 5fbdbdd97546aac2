import { hostname } from "node:os";
import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { Clock } from "../clock.js";
import type { SyncConfig } from "../config/types.js";
import { SyncError, type ErrorCode } from "../errors.js";
import type { Notice, ProgressListener, RunMode, RunReport, TableReport } from "../report.js";
import { ConvexSink } from "../sink/convex-sink.js";
import { WritePacer } from "../sink/write-pacer.js";
import { readIdentity, type SourceIdentity } from "../source/source-identity.js";
import { requireMigrations } from "../state/apply-migrations.js";
import { acquireLease, findTarget, raiseEpoch, releaseLease } from "../state/lease.js";
import { readMirrorRecord } from "../state/mirror-record.js";
import { recordFailure } from "../state/open-run.js";
import { purgeRecordedDeletions } from "../state/recorded-deletions.js";
import { recordRun } from "../state/run-history.js";
import { LeaseKeeper } from "./lease-keeper.js";
import { openDatabase } from "./open-database.js";
import type { RunContext } from "./run-context.js";
import { notRun, summarise } from "./summarise-run.js";
import { syncMirror } from "./sync-mirror.js";

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

/** Failures that concern the whole run: what follows would fail alike, or must not be tried. */
const ENDS_RUN: ReadonlySet<ErrorCode> = new Set([
  "DATABASE_UNREACHABLE",
  "DATABASE_AUTH",
  "DEPLOYMENT_UNREACHABLE",
  "WRONG_SYNC_KEY",
  "SYNC_KEY_UNSET",
  "LEASE_LOST",
  "INTERRUPTED",
]);

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
    await requireMigrations(database);
    const identity = await readIdentity(database);
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
  const targetId = await findTarget(database, config.convex.url);
  const acquiredAtMs = clock.now();
  const lease = await acquireLease(database, targetId, {
    nonce: runId,
    holder: `${hostname()}, process ${process.pid}`,
    leaseMs,
  });

  const stop = new AbortController();
  const deadline = new AbortController();
  const context: RunContext = {
    database,
    sink,
    pacer: Number.isFinite(writeBytesPerSecond) ? new WritePacer(writeBytesPerSecond, clock) : null,
    clock,
    settings: config.settings,
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
  if (lease.replaced !== null) {
    const { holder, acquiredAt } = lease.replaced;
    notices.push({
      code: "LEASE_TAKEN_OVER",
      message:
        `The run of ${holder}, begun at ${acquiredAt}, neither ended nor renewed its lease; ` +
        "this one goes on from there.",
    });
    progress.notice(null, notices[0]!);
  }
  try {
    // Only now: before the lease, another run may have been going on.
    const { mirrors } = await sink.handshake(
      config.mirrors.map((mirror) => mirror.mirror),
      { signal: context.signal, deadlineAt: context.deadlineAt },
    );
    await liftEpoch(context, mirrors);
    await purgeRecordedDeletions(database, context.lease);
    const reports = await syncTables(context, options, mirrors);
    const report = summarise(reports, {
      mode: options.mode,
      runId,
      startedAtMs,
      finishedAtMs: clock.now(),
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

async function syncTables(
  context: RunContext,
  options: RunOptions,
  handshakes: MirrorHandshake[],
): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  let ended = false;
  for (const config of options.config.mirrors) {
    const handshake = handshakes.find(({ table }) => table === config.mirror)!;
    const report = ended
      ? notRun(config.mirror, options.mode)
      : await syncTable(context, options, config, handshake);
    if (report.error && ENDS_RUN.has(report.error.code)) ended = true;
    reports.push(report);
    if (report.outcome !== "not-run") context.listener.tableFinished(report);
  }
  return reports;
}

async function syncTable(
  context: RunContext,
  options: RunOptions,
  config: SyncConfig["mirrors"][number],
  handshake: MirrorHandshake,
): Promise<TableReport> {
  const { clock, sink } = context;
  const table = config.mirror;
  const startedAtMs = clock.now();
  const blank = notRun(table, options.mode);
  let countSoFar: () => Partial<TableReport> = () => ({});
  const cost = () => ({ ...sink.meter(table), durationMs: clock.now() - startedAtMs });
  try {
    context.signal.throwIfAborted();
    const outcome = await syncMirror(context, {
      config,
      handshake,
      requested: options.mode,
      allowDeletes: options.allowDeletes.includes(table),
      takeOver: options.takeOver,
      onCounting: (count) => (countSoFar = count),
    });
    return { ...blank, ...outcome, ...cost(), outcome: "done" };
  } catch (caught) {
    const error = asSyncError(caught, table);
    context.listener.tableFailed?.(table, error);
    const { database, lease } = context;
    const record = await readMirrorRecord(database, lease.targetId, table).catch(() => null);
    const begun = record?.openRun?.nonce === lease.nonce ? record.openRun : null;
    const mode = begun?.mode ?? options.mode;
    // A run that lost its lease changes nothing any more; one whose database is gone cannot.
    await recordFailure(database, lease, table, mode, error.code).catch(() => undefined);
    return {
      ...blank,
      ...countSoFar(),
      ...cost(),
      mode,
      outcome: "failed",
      watermark: { position: record?.watermark?.snapshot ?? null, at: record?.watermark?.at ?? null },
      error: { code: error.code, message: error.message, remedy: error.remedy },
    };
  }
}

/** Anything that is not a SyncError is a bug, and is named as one. */
function asSyncError(error: unknown, table: string): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError({
    code: "INTERNAL",
    message: `Something unexpected happened (${error instanceof Error ? error.name : typeof error}).`,
    remedy: "This is a bug: please report it with the output of --verbose. The watermark has not moved.",
    table,
    cause: error,
  });
}

function deadlinePassed(runDeadlineMs: number): SyncError {
  return new SyncError({
    code: "INTERRUPTED",
    message: `The run took longer than its deadline of ${Math.round(runDeadlineMs / 60_000)} minutes and was stopped.`,
    remedy:
      "Nothing is lost: the next run goes on where this one stopped. Raise the deadline if a first load needs longer.",
  });
}
