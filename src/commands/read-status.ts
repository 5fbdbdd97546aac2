import type { Clock } from "../model/clock.js";
import type { SyncConfig } from "../model/config.js";
import { EXIT, SyncError, type ExitCode } from "../model/errors.js";
import type { Database } from "../postgres/database.js";
import type { Notice, StatusReport, TableStatus } from "../model/report.js";
import { ConvexSink } from "../sink/convex-sink.js";
import { countSource, type CountQuestion, type Horizon, type SourceCounts } from "../source/count-source.js";
import { showKey } from "../source/key-text.js";
import { display } from "../catalog/mirror-refusal.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { parseSnapshot } from "../model/snapshot.js";
import { readSetAside } from "../state/set-aside-rows.js";
import { budgetNotices, describeCosts } from "../sync/costs.js";
import { concernsOneMirror } from "../sync/ends-run.js";
import { changesKept, changesUnread, columnsWait, timestampsAlone } from "../sync/notices.js";
import { openDatabase } from "../sync/open-database.js";
import { openSource } from "../sync/open-source.js";
import { leaveOutWaiting, readMirrorStates, sizeOf, type MirrorState } from "./mirror-states.js";

export interface StatusOptions {
  config: SyncConfig;
  clock: Clock;
  signal?: AbortSignal;
}

/** Rows that were set aside and are named for each table; the rest is counted. */
const NAMED_ROWS = 20;

/** Reads both sides and changes neither. A table whose delta is not exact or cannot run makes the exit code 6. */
export async function readStatus({ config, clock, signal }: StatusOptions): Promise<StatusReport> {
  const database = openDatabase(config.database, config.settings, clock, signal);
  const sink = new ConvexSink({
    url: config.convex.url,
    syncKey: config.convex.syncKey.reveal(),
    clock,
    callTimeoutMs: config.settings.callTimeoutMs,
  });
  try {
    await openSource(database);
    const names = config.mirrors.map((mirror) => mirror.name);
    const handshake = sink.handshake(names, { signal });
    const { overview, states } = await readMirrorStates({ database, handshake, config, signal });
    await leaveOutWaiting(database, states);
    const { counts, horizon } = await countAll(database, states);
    const notices: Notice[] = [];
    const statuses: TableStatus[] = [];
    for (const [place, state] of states.entries()) {
      statuses.push(await describeTable(database, overview.targetId, state, counts[place]!, notices));
    }
    notices.push(...overview.idleMirrors.map(changesKept), ...overview.unreadTables.map(changesUnread));
    const costs = describeCosts(overview.spending, states.map(sizeOf), config.budget);
    notices.push(...budgetNotices(costs));
    const exitCode = exitCodeOf(statuses);
    return {
      ok: exitCode === EXIT.done,
      deployment: config.convex.deployment,
      exitCode,
      tables: statuses,
      running: overview.running.map(({ nonce: _, ...run }) => run),
      horizon,
      changeLog: overview.changeLog,
      costs,
      recentRuns: overview.recentRuns,
      notices,
    };
  } finally {
    await database.close();
  }
}

/** Counts what can be counted. Where the log is not complete, what it counts says nothing. */
async function countAll(database: Database, states: readonly MirrorState[]) {
  const questions = states.flatMap(({ looked: source, memory: { record } }, place) => {
    if (source instanceof SyncError) return [];
    const isComplete = source.tracking !== null && source.tracking.problem === null;
    const watermark = isComplete && record?.watermark ? parseSnapshot(record.watermark.snapshot) : null;
    return [{ place, source, watermark, isComplete }];
  });
  const counts = states.map((): SourceCounts | SyncError | null => null);
  const { found, horizon } = await countOrSay(database, questions);
  questions.forEach(({ place, watermark, isComplete }, index) => {
    const one = found[index]!;
    if (one instanceof SyncError) counts[place] = one;
    // Before its first run, every row waits.
    else counts[place] = { ...one, changes: isComplete && watermark === null ? one.rows : one.changes };
  });
  return { counts, horizon };
}

/** All at once. Where that fails of what may be one mirror's own, each by itself. */
async function countOrSay(
  database: Database,
  questions: readonly CountQuestion[],
): Promise<{ found: (SourceCounts | SyncError)[]; horizon: Horizon | null }> {
  try {
    const { counts, horizon } = await countSource(database, questions);
    return { found: counts, horizon };
  } catch (error) {
    if (!concernsOneMirror(error)) throw error;
    if (questions.length === 1) return { found: [error], horizon: (await countSource(database, [])).horizon };
    const found: (SourceCounts | SyncError)[] = [];
    for (const question of questions) found.push(...(await countOrSay(database, [question])).found);
    return { found, horizon: (await countSource(database, [])).horizon };
  }
}

async function describeTable(
  database: Database,
  targetId: number | null,
  { config, handshake, memory, looked, waiting, problem }: MirrorState,
  counts: SourceCounts | SyncError | null,
  notices: Notice[],
): Promise<TableStatus> {
  const { record, pending, setAside } = memory;
  const at = record?.watermark?.at ?? null;
  const rows =
    setAside === 0 || targetId === null
      ? []
      : await readSetAside({ database, targetId, name: config.name }, { limit: NAMED_ROWS });
  const blank: TableStatus = {
    table: config.name,
    relation: display(config.relation),
    base: display(config.base ?? config.relation),
    watermark: { position: record?.watermark?.snapshot ?? null, at },
    ageSeconds: at === null ? null : Math.round(record!.watermarkAgeSeconds!),
    rowsInPostgres: null,
    rowsInMirror: handshake.deployed ? handshake.rows : null,
    changesWaiting: null,
    changesRead: { total: record?.changes.read ?? 0, timestampsAlone: record?.changes.timestamps ?? 0 },
    updatedAt: null,
    deletionsHeldBack: pending.key + pending.document + pending.stranger,
    rejectedRows: setAside,
    rejected: rows,
    waiting: [],
    lastDelta: record?.lastDelta ?? null,
    lastFull: record?.lastFull ?? null,
    tracking: "missing",
    problem: null,
  };
  if (looked instanceof SyncError) return { ...blank, problem: sentence(looked) };
  if (counts instanceof SyncError) return { ...blank, problem: sentence(counts) };
  if (looked.updatedAt === "as-written" && record !== null) {
    const notice = timestampsAlone(config.name, record.changes);
    if (notice !== null) notices.push(notice);
  }
  if (waiting.length > 0) notices.push(columnsWait(config.name, waiting));
  const kinds = looked.keyColumns.map(({ kind }) => kind);
  return {
    ...blank,
    base: display(looked.base),
    updatedAt: looked.updatedAt,
    rowsInPostgres: counts!.rows,
    changesWaiting: counts!.changes,
    rejected: rows.map((row) => ({ ...row, key: showKey(row.key, kinds) })),
    tracking: trackingOf(looked),
    waiting: waiting.map(({ name }) => name),
    problem: problem === null ? describeDrift(looked) : sentence(problem),
  };
}

const sentence = ({ message, remedy }: SyncError) => `${message} ${remedy}`;

function trackingOf({ tracking, untrackable }: MirrorSource): TableStatus["tracking"] {
  if (untrackable !== null) return "none";
  return tracking === null ? "missing" : tracking.problem === null ? "intact" : "broken";
}

/** What the next run mends by itself, as the table's owner. */
function describeDrift({ base, tracking, untrackable }: MirrorSource): string | null {
  if (untrackable !== null) return null;
  const remedy =
    "The next `datahub-sync sync` as the table's owner mends it; so does `datahub-sync migrate`.";
  if (tracking === null)
    return `Changes of ${display(base)} are not being tracked: it was dropped and created again, or swapped for another. ${remedy}`;
  if (tracking.problem === null) return null;
  return `Changes of ${display(base)} may have gone unlogged: ${tracking.problem}. ${remedy}`;
}

function exitCodeOf(tables: TableStatus[]): ExitCode {
  if (tables.some((table) => table.problem !== null || table.watermark.position === null)) return EXIT.stale;
  if (tables.some((table) => table.deletionsHeldBack > 0)) return EXIT.deletionsHeldBack;
  return tables.some((table) => table.rejectedRows > 0 || table.waiting.length > 0)
    ? EXIT.incomplete
    : EXIT.done;
}
