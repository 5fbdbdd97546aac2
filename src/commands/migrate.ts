import type { Clock } from "../model/clock.js";
import type { MirrorConfig, SourceConfig } from "../model/config.js";
import { EXIT, SyncError, type ErrorCode, type ExitCode } from "../model/errors.js";
import type { Database } from "../postgres/database.js";
import type { Notice } from "../model/report.js";
import { display } from "../catalog/mirror-refusal.js";
import { resolveRelations } from "../catalog/resolve-mirror.js";
import type { ResolvedMirror } from "../catalog/resolved-mirror.js";
import { isTracked, trackTable, untrackTable } from "../catalog/tracking.js";
import { findContentTables } from "../catalog/updated-at.js";
import { applyMigrations, requireMigrations } from "../state/apply-migrations.js";
import { listTrackedTables } from "../state/tracked-tables.js";
import { lookAtCatalog, orThrow, resolveMirrors, resolveOne } from "../sync/look-at-catalog.js";
import { contentFollows } from "../sync/notices.js";
import { openDatabase } from "../sync/open-database.js";
import { claimTable, siblingsOf } from "../sync/tracking-claim.js";

export interface MigrateOptions {
  config: SourceConfig;
  clock: Clock;
  /** Aborts between two tables, with a SyncError as its reason. */
  signal?: AbortSignal;
  /** Told what is about to happen, before anything does. */
  announce?: (notice: Notice) => void;
  /** Told of each table that fails, with the causes, which a report leaves out. */
  tableFailed?: (table: string, error: SyncError) => void;
}

/** What became of one table's tracking. */
export interface TrackingChange {
  table: string;
  relation: string;
  base: string;
  outcome:
    | "tracked"
    | "already-tracked"
    | "tracked-again"
    | "untracked"
    | "kept-for-others"
    | "not-tracked"
    /** There is no table to track: each run compares it. */
    | "compared"
    | "failed";
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
export async function migrate(options: MigrateOptions): Promise<MigrateReport> {
  const { config, clock, signal, announce } = options;
  const database = openDatabase(config.database, config.settings, clock, signal);
  try {
    const notices = await announceContent(database, config.mirrors);
    for (const notice of notices) announce?.(notice);
    const trackedBefore = await readTrackedTables(database);
    const applied = await applyMigrations(database);
    const all = await resolveMirrors(database, config.allMirrors);
    const changes: TrackingChange[] = [];
    for (const mirror of config.mirrors) {
      signal?.throwIfAborted();
      changes.push(
        await change(mirror, options, () =>
          trackMirror(database, mirror, { all, trackedBefore, target: config.target }),
        ),
      );
    }
    return { applied, ...report(changes), notices };
  } finally {
    await database.close();
  }
}

/** Removes the tracking of the configured tables, where no other deployment needs it. Documents in Convex stay. */
export async function untrack(options: MigrateOptions): Promise<TrackingReport> {
  const { config, clock, signal } = options;
  const database = openDatabase(config.database, config.settings, clock, signal);
  try {
    await requireMigrations(database);
    const changes: TrackingChange[] = [];
    for (const mirror of config.mirrors) {
      signal?.throwIfAborted();
      changes.push(await change(mirror, options, () => untrackMirror(database, mirror, config.target)));
    }
    return { ...report(changes), notices: [] };
  } finally {
    await database.close();
  }
}

/** What `content` will mean for the owner's other jobs, said before a trigger is made. */
export async function announceContent(
  database: Database,
  mirrors: readonly MirrorConfig[],
): Promise<Notice[]> {
  const content = mirrors.filter(({ updatedAt }) => updatedAt === "content").map(({ relation }) => relation);
  const tables = await database.execute("looking for updated_at", (sql) => findContentTables(sql, content));
  return tables.length === 0 ? [] : [contentFollows(tables.map(display))];
}

async function trackMirror(
  database: Database,
  mirror: MirrorConfig,
  context: {
    all: readonly ResolvedMirror[];
    trackedBefore: ReadonlyMap<string, number>;
    target: string;
  },
): Promise<Pick<TrackingChange, "base" | "outcome">> {
  const resolved = await database.execute("reading the catalog", (sql) => resolveOne(sql, mirror));
  const { base } = resolved;
  if (resolved.untrackable !== null) return { base: "-", outcome: "compared" };
  const siblings = siblingsOf(resolved, context.all);
  await database.execute(`tracking ${display(base)}`, async (sql) =>
    trackTable(sql, base, await claimTable(sql, resolved, siblings, context.target)),
  );
  const generation = (await readTrackedTables(database)).get(base.oid);
  const before = context.trackedBefore.get(base.oid);
  const outcome =
    before === undefined ? "tracked" : before === generation ? "already-tracked" : "tracked-again";
  return { base: display(base), outcome };
}

async function untrackMirror(
  database: Database,
  mirror: MirrorConfig,
  target: string,
): Promise<Pick<TrackingChange, "base" | "outcome">> {
  const [found] = await lookAtCatalog(database, [mirror], resolveRelations);
  const { base } = orThrow(found!);
  const [removed, remains] = await database.execute(
    `removing the tracking of ${mirror.name}`,
    async (sql) => [await untrackTable(sql, base.oid, target), await isTracked(sql, base.oid)],
  );
  const outcome = remains ? "kept-for-others" : removed ? "untracked" : "not-tracked";
  return { base: display(base), outcome };
}

/** Generations by the table's oid, as they are recorded. The migrations may track tables themselves. */
async function readTrackedTables(database: Database): Promise<Map<string, number>> {
  const tables = await listTrackedTables(database);
  return new Map(tables.map(({ oid, generation }) => [oid, generation]));
}

async function change(
  mirror: MirrorConfig,
  { tableFailed }: MigrateOptions,
  work: () => Promise<Pick<TrackingChange, "base" | "outcome">>,
): Promise<TrackingChange> {
  const names = { table: mirror.name, relation: display(mirror.relation) };
  try {
    return { ...names, ...(await work()) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    tableFailed?.(mirror.name, error);
    const { code, message, remedy } = error;
    const base = display(mirror.base ?? mirror.relation);
    return { ...names, base, outcome: "failed", error: { code, message, remedy } };
  }
}

function report(tables: TrackingChange[]): Pick<TrackingReport, "ok" | "exitCode" | "tables"> {
  const failed = tables.some((table) => table.outcome === "failed");
  return { ok: !failed, exitCode: failed ? EXIT.failed : EXIT.done, tables };
}
