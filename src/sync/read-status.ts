import type { Clock } from "../clock.js";
import type { MirrorConfig, SyncConfig } from "../config/types.js";
import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { ColumnShape } from "../encode/types.js";
import { EXIT, SyncError, type ExitCode } from "../errors.js";
import type { Database } from "../postgres/database.js";
import type { Notice, StatusReport, TableStatus } from "../report.js";
import { ConvexSink } from "../sink/convex-sink.js";
import { ChangeLog } from "../source/change-log.js";
import { showKey } from "../source/key-text.js";
import { display } from "../source/mirror-refusal.js";
import type { MirrorSource } from "../source/mirror-source.js";
import { parseSnapshot } from "../source/snapshot.js";
import { readHorizon, readIdentity } from "../source/source-identity.js";
import { TableReader } from "../source/table-reader.js";
import { requireMigrations } from "../state/apply-migrations.js";
import { findTargetId, readLease } from "../state/lease.js";
import { readMirrorRecord, type MirrorRecord } from "../state/mirror-record.js";
import { countPendingDeletions } from "../state/pending-deletions.js";
import { findIdleMirrors, findUnreadTables, readChangeLogSize } from "../state/change-log-size.js";
import { countRejectedRows, readRejectedRows } from "../state/rejected-rows.js";
import { findWaiting, requireTracked } from "./check-mirror.js";
import { changesKept, changesUnread, columnsWait, timestampsAlone } from "./notices.js";
import { openDatabase } from "./open-database.js";
import { leaveOut, lookAtMirror } from "./ready-mirror.js";

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
    await requireMigrations(database);
    await readIdentity(database);
    const tables = config.mirrors.map((mirror) => mirror.mirror);
    const { mirrors } = await sink.handshake(tables, { signal });
    const targetId = await findTargetId(database, config.convex.url);
    const statuses: TableStatus[] = [];
    const notices: Notice[] = [];
    for (const mirror of config.mirrors) {
      signal?.throwIfAborted();
      const handshake = mirrors.find(({ table }) => table === mirror.mirror)!;
      statuses.push(
        await tableStatus({ database, target: config.target, targetId }, mirror, handshake, notices),
      );
    }
    notices.push(...(await findIdleMirrors(database)).map(changesKept));
    notices.push(...(await findUnreadTables(database)).map(changesUnread));
    const lease = targetId === null ? null : await readLease(database, targetId);
    const exitCode = exitCodeOf(statuses);
    return {
      ok: exitCode === EXIT.done,
      deployment: config.convex.deployment,
      exitCode,
      tables: statuses,
      lease: lease && { ...lease, epoch: lease.epoch.toString() },
      horizon: await readHorizon(database),
      changeLog: await readChangeLogSize(database),
      notices,
    };
  } finally {
    await database.close();
  }
}

/** On whose behalf; the id is null before its first run. */
interface Asking {
  database: Database;
  target: string;
  targetId: number | null;
}

async function tableStatus(
  asking: Asking,
  config: MirrorConfig,
  handshake: MirrorHandshake,
  notices: Notice[],
): Promise<TableStatus> {
  const { database, targetId } = asking;
  const record = targetId === null ? null : await readMirrorRecord(database, targetId, config.mirror);
  const kept = targetId === null ? null : await readKept(database, targetId, config.mirror);
  const at = record?.watermark?.at ?? null;
  const blank: TableStatus = {
    table: config.mirror,
    relation: display(config.relation),
    base: display(config.base ?? config.relation),
    watermark: { position: record?.watermark?.snapshot ?? null, at },
    ageSeconds: at === null ? null : Math.round(record!.watermarkAgeSeconds!),
    rowsInPostgres: null,
    rowsInMirror: handshake.deployed ? handshake.rows : null,
    changesWaiting: null,
    changesRead: { total: record?.changes.read ?? 0, timestampsAlone: record?.changes.timestamps ?? 0 },
    updatedAt: null,
    deletionsHeldBack: kept?.pending ?? 0,
    rejectedRows: kept?.rejected ?? 0,
    rejected: kept?.rows ?? [],
    waiting: [],
    lastDelta: record?.lastDelta ?? null,
    lastFull: record?.lastFull ?? null,
    tracking: "missing",
    problem: null,
  };
  try {
    const looked = await lookAtMirror({ database }, config);
    const { waiting, problem } = await findProblems(asking, looked, handshake, record);
    // As a run reads it: columns that wait concern no delta.
    const names = waiting.map(({ name }) => name);
    const source = names.length === 0 ? looked : await lookAtMirror({ database }, leaveOut(config, names));
    const counted = {
      ...blank,
      base: display(source.base),
      updatedAt: source.updatedAt,
      ...(await countSource(database, source, record)),
      rejected: blank.rejected.map((row) => ({
        ...row,
        key: showKey(
          row.key,
          source.keyColumns.map(({ kind }) => kind),
        ),
      })),
    };
    if (source.updatedAt === "as-written" && record !== null) {
      const notice = timestampsAlone(config.mirror, record.changes);
      if (notice !== null) notices.push(notice);
    }
    const tracking =
      source.tracking === null ? "missing" : source.tracking.problem === null ? "intact" : "broken";
    if (names.length > 0) notices.push(columnsWait(config.mirror, waiting));
    return { ...counted, tracking, waiting: names, problem: problem ?? describeDrift(source) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { ...blank, problem: `${error.message} ${error.remedy}` };
  }
}

async function readKept(database: Database, targetId: number, table: string) {
  const pending = await countPendingDeletions(database, targetId, table);
  return {
    pending: pending.key + pending.document + pending.stranger,
    rejected: await countRejectedRows(database, targetId, table),
    rows: await readRejectedRows(database, targetId, table, { limit: NAMED_ROWS }),
  };
}

async function countSource(database: Database, source: MirrorSource, record: MirrorRecord | null) {
  const reader = new TableReader(database, source);
  const rowsInPostgres = await reader.countRows();
  // Where the log is not complete, what it counts says nothing.
  if (source.tracking === null || source.tracking.problem !== null)
    return { rowsInPostgres, changesWaiting: null };
  if (!record?.watermark) return { rowsInPostgres, changesWaiting: rowsInPostgres };
  const log = new ChangeLog(database, { name: source.name, trackedId: source.tracking.id });
  return { rowsInPostgres, changesWaiting: await log.countKeys(parseSnapshot(record.watermark.snapshot)) };
}

async function findProblems(
  asking: Asking,
  source: MirrorSource,
  handshake: MirrorHandshake,
  record: MirrorRecord | null,
): Promise<{ problem: string | null; waiting: ColumnShape[] }> {
  try {
    await requireTracked(asking, source, record);
    return { problem: null, waiting: findWaiting(source, handshake, record) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { problem: `${error.message} ${error.remedy}`, waiting: [] };
  }
}

/** What the next run mends by itself, as the table's owner. */
function describeDrift({ base, tracking }: MirrorSource): string | null {
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
