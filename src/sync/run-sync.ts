import { setMaxListeners } from "node:events";
import { hostname } from "node:os";
import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import { SyncError } from "../model/errors.js";
import type { Notice, ProgressListener, RunReport } from "../model/report.js";
import type { Database } from "../postgres/database.js";
import { ConvexSink } from "../sink/convex-sink.js";
import { planBytesOf, WritePacer } from "../sink/write-pacer.js";
import type { SourceIdentity } from "../source/source-identity.js";
import {
  acquireLease,
  raiseEpoch,
  releaseLease,
  type AcquiredLease,
  type Holder,
} from "../state/take-lease.js";
import { purgeChanges } from "../state/change-log-size.js";
import { recordRun } from "../state/run-history.js";
import { effectsInPostgres } from "./effects-in-postgres.js";
import { warnOfBudget } from "./foresee-costs.js";
import { LeaseKeeper } from "./lease-keeper.js";
import { isolationSerializable } from "./notices.js";
import { openDatabase } from "./open-database.js";
import { openSource } from "./open-source.js";
import { createRunContext, type RunContext } from "./run-context.js";
import type { RunOptions } from "./run-options.js";
import { SharedWrites } from "./shared-writes.js";
import { busyTable, summarise } from "./summarise-run.js";
import { surveyMirrors } from "./survey.js";
import { syncTables } from "./sync-tables.js";

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

interface Opened extends Pick<RunContext, "database" | "sink"> {
  identity: SourceIdentity;
  startedAtMs: number;
}

async function underLease(options: RunOptions, opened: Opened): Promise<RunReport> {
  const { config, clock } = options;
  const { database, identity } = opened;
  const { leaseSeconds, runDeadlineMs, writeBytesPerSecond } = config.settings;
  const leaseMs = leaseSeconds * 1000;
  const { lease, askedAtMs } = await takeLeases(database, options, leaseMs);

  const shares = new SharedWrites(database, () => context.lease, planBytesOf(writeBytesPerSecond), clock);
  const pacer = Number.isFinite(writeBytesPerSecond)
    ? new WritePacer(writeBytesPerSecond, clock, shares)
    : null;
  const stop = new AbortController();
  const deadline = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // Each call, statement and wait of each table that is worked on listens, and Node would warn of a leak.
  setMaxListeners(0, signal, options.signal);
  const context = createRunContext(options, {
    ...opened,
    pacer,
    lease: lease.token,
    ensureLease: () => keeper.ensure(),
    signal,
    createEffects: effectsInPostgres,
  });
  const keeper = new LeaseKeeper(database, () => context.lease, {
    leaseMs,
    acquiredAtMs: askedAtMs,
    clock,
    onLost: (error) => stop.abort(error),
  });
  void clock.sleep(runDeadlineMs, deadline.signal).then(
    () => stop.abort(deadlinePassed(runDeadlineMs)),
    () => undefined,
  );

  const notices = new RunNotices(options.progress);
  if (identity.isolation === "serializable") notices.tell(isolationSerializable());
  for (const holder of lease.replaced) notices.tell(leaseTakenOver(holder));
  try {
    return await runMirrors(context, options, { notices, busy: lease.busy, ...opened });
  } finally {
    deadline.abort();
    await shares.close();
    await keeper.stop();
    await releaseLease(database, context.lease).catch(() => undefined); // it expires by itself
  }
}

/** What a run does while it holds the lease; not a look before that, when another run may have been going on. */
async function runMirrors(
  context: RunContext,
  options: RunOptions,
  { notices, busy, startedAtMs }: { notices: RunNotices; busy: AcquiredLease["busy"]; startedAtMs: number },
): Promise<RunReport> {
  const { config, clock, mode } = options;
  const { database } = context;
  const surveys = await surveyMirrors(
    context,
    config.mirrors.filter(({ name }) => !busy.has(name)),
  );
  if (config.budget !== null) {
    for (const notice of await warnOfBudget(context, config.budget, mode, surveys)) notices.tell(notice);
  }
  await liftEpoch(
    context,
    surveys.map(({ handshake }) => handshake),
  );
  await purgeChanges(database, context.lease);
  const left = [...busy].map(([name, holder]) => busyTable(name, mode, holder));
  for (const { table, notices: why } of left)
    for (const notice of why) options.progress.notice(table, notice);
  const reports = [...(await syncTables(context, options, surveys)), ...left];
  const places = new Map(config.mirrors.map(({ name }, place) => [name, place]));
  reports.sort((a, b) => places.get(a.table)! - places.get(b.table)!);
  const report = summarise(reports, {
    mode,
    runId: context.lease.nonce,
    startedAtMs,
    finishedAtMs: clock.now(),
    shared: context.sink.shared,
    notices: notices.all,
  });
  const { toHistory = (own: RunReport) => own } = options;
  await recordRun(database, context.lease, toHistory(report)).catch((error: unknown) => {
    // What was done is done: a report that cannot be kept can still be read.
    if (!(error instanceof SyncError)) throw error;
    notices.tell({ code: "RUN_NOT_RECORDED", message: `This run is not in the history: ${error.message}` });
  });
  return report;
}

/** What concerns the run and no mirror of it: told at once, and kept for the report. */
class RunNotices {
  readonly all: Notice[] = [];

  constructor(private readonly listener: ProgressListener) {}

  tell(notice: Notice): void {
    this.all.push(notice);
    this.listener.notice(null, notice);
  }
}

/** How often a run that is to be alone tries, and how long it waits between: others may be short, those of a watch for one. */
const TRIES_ALONE = 60;
const TRY_EVERY_MS = 500;

/** @throws SyncError LEASE_HELD; a run that is to be alone waits half a minute for the others to end */
async function takeLeases(
  database: Database,
  options: RunOptions,
  leaseMs: number,
): Promise<{ lease: AcquiredLease; askedAtMs: number }> {
  const { config, clock, signal, progress } = options;
  const request = {
    nonce: clock.uuid(),
    holder: `${hostname()}, process ${process.pid}`,
    leaseMs,
    mirrors: config.mirrors.map(({ name }) => name),
    exclusive: isExclusive(options),
  };
  for (let tries = 1; ; tries++) {
    const askedAtMs = clock.now();
    try {
      return { lease: await acquireLease(database, config.convex.url, request), askedAtMs };
    } catch (error) {
      const isHeld = error instanceof SyncError && error.code === "LEASE_HELD";
      if (!isHeld || !request.exclusive || tries === TRIES_ALONE) throw error;
      const message = `${error.message} This one is to be alone, and waits for it to end, half a minute at most.`;
      if (tries === 1) progress.notice(null, { code: "WAITS_FOR_RUN", message });
      await clock.sleep(TRY_EVERY_MS, signal);
    }
  }
}

/** What changes whose mirrors these are, or looks at all of them, goes on beside nothing else. */
function isExclusive({ config, mode, takeOver }: RunOptions): boolean {
  return takeOver || (mode !== "delta" && config.mirrors.length === config.allMirrors.length);
}

function leaseTakenOver({ holder, acquiredAt }: Holder): Notice {
  return {
    code: "LEASE_TAKEN_OVER",
    message:
      `The run of ${holder}, begun at ${acquiredAt}, neither ended nor renewed its lease; ` +
      "this one goes on from there.",
  };
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
