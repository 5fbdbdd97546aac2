import type { Clock } from "../clock.js";
import type { MirrorConfig, SourceConfig } from "../config/types.js";
import { EXIT, SyncError, type ErrorCode, type ExitCode } from "../errors.js";
import type { Database } from "../postgres/database.js";
import type { Notice } from "../report.js";
import { columnsShown } from "../source/columns-shown.js";
import { display } from "../source/mirror-refusal.js";
import { resolveMirror } from "../source/resolve-mirror.js";
import type { ResolvedMirror } from "../source/resolved-mirror.js";
import { trackTable, untrackTable } from "../source/tracking.js";
import { applyMigrations, requireMigrations } from "../state/apply-migrations.js";
import { listTrackedTables } from "../state/tracked-tables.js";
import { openDatabase } from "./open-database.js";

export interface MigrateOptions {
  config: SourceConfig;
  clock: Clock;
  /** Aborts between two tables, with a SyncError as its reason. */
  signal?: AbortSignal;
}

/** What became of one table's tracking. */
export interface TrackingChange {
  table: string;
  relation: string;
  base: string;
  outcome: "tracked" | "already-tracked" | "tracked-again" | "untracked" | "not-tracked" | "failed";
  error?: { code: ErrorCode; message: string; remedy: string };
}

export interface TrackingReport {
  ok: boolean;
  exitCode: ExitCode;
  tables: TrackingChange[];
  notices: Notice[];
}

export interface MigrateReport extends TrackingReport {
  /** Names of the migrations applied by this run, in order. */
  applied: string[];
}

/**
 * Applies the migrations and tracks the configured tables. Repeated, it changes nothing and locks nothing. A table
 * that cannot be tracked leaves the others alone.
 */
export async function migrate({ config, clock, signal }: MigrateOptions): Promise<MigrateReport> {
  const database = openDatabase(config.database, config.settings, clock, signal);
  try {
    const trackedBefore = await readTrackedTables(database);
    const applied = await applyMigrations(database);
    const changes: TrackingChange[] = [];
    const byBase = await groupByBase(database, config.mirrors);
    for (const mirror of config.mirrors) {
      signal?.throwIfAborted();
      changes.push(await change(mirror, () => trackMirror(database, mirror, byBase, trackedBefore)));
    }
    return { applied, ...report(changes), notices: announce(changes) };
  } finally {
    await database.close();
  }
}

/** Removes the tracking of the configured tables, and what it added to them. Documents in Convex stay. */
export async function untrack({ config, clock, signal }: MigrateOptions): Promise<TrackingReport> {
  const database = openDatabase(config.database, config.settings, clock, signal);
  try {
    await requireMigrations(database);
    const changes: TrackingChange[] = [];
    for (const mirror of config.mirrors) {
      signal?.throwIfAborted();
      changes.push(
        await change(mirror, async () => {
          const resolved = await resolve(database, mirror);
          const removed = await database.run(`removing the tracking of ${mirror.mirror}`, (sql) =>
            untrackTable(sql, resolved.base.oid),
          );
          return { base: display(resolved.base), outcome: removed ? "untracked" : "not-tracked" };
        }),
      );
    }
    return { ...report(changes), notices: [] };
  } finally {
    await database.close();
  }
}

async function trackMirror(
  database: Database,
  mirror: MirrorConfig,
  byBase: ReadonlyMap<string, readonly MirrorConfig[]>,
  trackedBefore: ReadonlyMap<string, number>,
): Promise<Pick<TrackingChange, "base" | "outcome">> {
  const resolved = await resolve(database, mirror);
  const { base, keyColumns } = resolved;
  const ignored = await ignoredColumns(database, resolved, byBase.get(base.oid) ?? [mirror]);
  await database.run(`tracking ${display(base)}`, (sql) => trackTable(sql, base, keyColumns, ignored));
  const generation = (await readTrackedTables(database)).get(display(base));
  const before = trackedBefore.get(display(base));
  const outcome =
    before === undefined ? "tracked" : before === generation ? "already-tracked" : "tracked-again";
  return { base: display(base), outcome };
}

/** The mirrors over each base table, by its oid; without those that cannot be resolved. */
async function groupByBase(
  database: Database,
  mirrors: readonly MirrorConfig[],
): Promise<Map<string, MirrorConfig[]>> {
  const groups = new Map<string, MirrorConfig[]>();
  for (const mirror of mirrors) {
    const resolved = await resolve(database, mirror).catch(() => null);
    if (resolved !== null) groups.set(resolved.base.oid, [...(groups.get(resolved.base.oid) ?? []), mirror]);
  }
  return groups;
}

/** Generations by table, as they are recorded. The migrations may track tables themselves. */
async function readTrackedTables(database: Database): Promise<Map<string, number>> {
  const tables = await listTrackedTables(database);
  return new Map(tables.map((table) => [display(table), table.generation]));
}

/**
 * The columns of the base that no mirror over it shows, so that a change of them is no change of content. A column
 * that a view shows under another name, or reads in its condition, counts.
 */
async function ignoredColumns(
  database: Database,
  { base, tracking }: ResolvedMirror,
  ofBase: readonly MirrorConfig[],
): Promise<string[]> {
  const shown = new Set<string>();
  for (const config of ofBase) {
    // Anew for each: tracking the base for the mirror before may have added a column.
    const other = await resolve(database, config);
    const columns = await database.run("reading the columns that are shown", (sql) =>
      columnsShown(sql, other),
    );
    for (const column of columns) shown.add(column);
  }
  // What tracking adds is no choice of the configuration's: it was not there when the table was tracked first.
  const added = new Set(["sync_xid", ...(tracking?.addedUpdatedAt ? ["updated_at"] : [])]);
  return base.columns.map((column) => column.name).filter((name) => !added.has(name) && !shown.has(name));
}

function resolve(database: Database, mirror: MirrorConfig): Promise<ResolvedMirror> {
  return database.run("reading the catalog", (sql) => resolveMirror(sql, mirror));
}

async function change(
  mirror: MirrorConfig,
  work: () => Promise<Pick<TrackingChange, "base" | "outcome">>,
): Promise<TrackingChange> {
  const names = { table: mirror.mirror, relation: display(mirror.relation) };
  try {
    return { ...names, ...(await work()) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const { code, message, remedy } = error;
    const base = display(mirror.base ?? mirror.relation);
    return { ...names, base, outcome: "failed", error: { code, message, remedy } };
  }
}

function report(tables: TrackingChange[]): Pick<TrackingReport, "ok" | "exitCode" | "tables"> {
  const failed = tables.some((table) => table.outcome === "failed");
  return { ok: !failed, exitCode: failed ? EXIT.failed : EXIT.done, tables };
}

function announce(changes: TrackingChange[]): Notice[] {
  if (!changes.some(({ outcome }) => outcome === "tracked" || outcome === "tracked-again")) return [];
  return [
    {
      code: "UPDATED_AT_MEANS_CHANGED",
      message:
        "From now on, updated_at of a tracked table moves only when its content changes: an UPDATE that sets the " +
        "same values keeps the old updated_at.",
    },
  ];
}
