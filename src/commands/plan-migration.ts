import type { MirrorConfig } from "../model/config.js";
import { EXIT, SyncError } from "../model/errors.js";
import type { Database } from "../postgres/database.js";
import type { Notice } from "../model/report.js";
import {
  foreseeTracking,
  listMirrorsOf,
  listRecorded,
  ownsTable,
  type ForeseenTracking,
} from "../catalog/foresee-tracking.js";
import { display } from "../catalog/mirror-refusal.js";
import type { ResolvedMirror } from "../catalog/resolved-mirror.js";
import { whyCompare, type Sight } from "../model/sight.js";
import { printTrack } from "../catalog/track-call.js";
import { planMigrations, type PendingMigrations } from "../state/apply-migrations.js";
import { findTargetId } from "../state/read-leases.js";
import { readMemories } from "../state/read-state.js";
import { isResolved, lookAtMirrors, noteUnmigrated, resolveEach } from "../sync/look-at-catalog.js";
import { announceContent, type MigrateOptions, type TrackingChange } from "./migrate.js";
import {
  droppedForgotten,
  nextRunCompares,
  schemaCreated,
  schemaUpdated,
  stillTracked,
  tablesTracked,
  trackingChanges,
  triggersReplaced,
} from "./migration-effects.js";
import type { MigrationPlan, PlannedStatement } from "./migration-plan.js";
import { openDatabase } from "../sync/open-database.js";
import { claimTable, siblingsOf } from "../sync/tracking-claim.js";

/** What becomes of one mirror. */
interface TablePlan {
  change: TrackingChange;
  statements: PlannedStatement[];
  effects: Notice[];
}

interface PlanContext {
  database: Database;
  options: Pick<MigrateOptions, "config" | "tableFailed">;
  /** The schema `datahub_sync` is there. */
  isMigrated: boolean;
  all: readonly ResolvedMirror[];
}

/**
 * Each statement that `migrate` would run, made by the code that `migrate` makes it with, and what will mean something else
 * afterwards. Reads in READ ONLY transactions, and works where the schema `datahub_sync` is not there yet.
 */
export async function planMigration(options: Omit<MigrateOptions, "announce">): Promise<MigrationPlan> {
  const { config, clock, signal } = options;
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  try {
    const content = await announceContent(database, config.mirrors);
    const migrations = await planMigrations(database);
    const isMigrated = migrations.applied > 0;
    if (!isMigrated) noteUnmigrated(database);
    const found = await resolveEach(database, config.mirrors);
    const all = (await resolveEach(database, config.allMirrors)).filter(isResolved);
    const context: PlanContext = { database, options, isMigrated, all };
    const plans: TablePlan[] = [];
    for (const [place, mirror] of config.mirrors.entries()) {
      signal?.throwIfAborted();
      plans.push(await planTable(context, mirror, found[place]!));
    }
    const compares = isMigrated ? await foreseeRuns(context, plans) : [];
    const recorded = isMigrated ? await foreseeRecorded(context) : [];
    const failed = plans.some(({ change }) => change.outcome === "failed");
    return {
      dryRun: true,
      ok: !failed,
      exitCode: failed ? EXIT.failed : EXIT.done,
      pending: migrations.pending,
      statements: [...migrationStatements(migrations), ...plans.flatMap(({ statements }) => statements)],
      tables: plans.map(({ change }) => change),
      effects: [
        ...(migrations.pending.length === 0
          ? []
          : [isMigrated ? schemaUpdated(migrations.pending.length) : schemaCreated()]),
        ...content,
        ...triggersMade(plans),
        ...plans.flatMap(({ effects }) => effects),
        ...compares,
        ...recorded,
      ],
    };
  } finally {
    await database.close();
  }
}

function migrationStatements({ statements }: PendingMigrations): PlannedStatement[] {
  return statements.map((statement) => ({ ...statement, table: null, changes: true }));
}

async function planTable(
  { database, options, isMigrated, all }: PlanContext,
  mirror: MirrorConfig,
  found: ResolvedMirror | SyncError,
): Promise<TablePlan> {
  const names = { table: mirror.name, relation: display(mirror.relation) };
  try {
    if (!isResolved(found)) throw found;
    if (found.untrackable !== null)
      return { change: { ...names, base: "-", outcome: "compared" }, statements: [], effects: [] };
    const base = display(found.base);
    const planned = await database.execute(`looking at the tracking of ${base}`, async (sql) => {
      const claim = await claimTable(sql, found, siblingsOf(found, all), options.config.target);
      if (!(await ownsTable(sql, found.base.oid))) throw notOurs(mirror.name, base);
      const foreseen: ForeseenTracking = isMigrated
        ? await foreseeTracking(sql, found.base.oid, { ...claim, keyColumns: found.keyColumns })
        : { outcome: "tracked", before: null, after: { compared: [], updatedAt: "none" } };
      return { sql: printTrack(found.base, claim), foreseen };
    });
    const { foreseen } = planned;
    const { outcome } = foreseen;
    return {
      change: { ...names, base, outcome },
      statements: [
        { migration: null, table: mirror.name, sql: planned.sql, changes: outcome !== "already-tracked" },
      ],
      effects: [
        ...trackingChanges(base, foreseen),
        ...(outcome === "tracked-again"
          ? await othersCompare(database, options.config.target, foreseen)
          : []),
      ],
    };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    options.tableFailed?.(mirror.name, error);
    const { code, message, remedy } = error;
    const base = display(mirror.base ?? mirror.relation);
    const change = { ...names, base, outcome: "failed" as const, error: { code, message, remedy } };
    return { change, statements: [], effects: [] };
  }
}

/** Triggers belong to a table: what is tracked anew is compared by every deployment that mirrors it. */
async function othersCompare(
  database: Database,
  target: string,
  { before }: ForeseenTracking,
): Promise<Notice[]> {
  const mirrors = await database.execute("reading the watermarks", (sql) =>
    listMirrorsOf(sql, before!.trackedId),
  );
  return mirrors
    .filter((other) => other.target !== target)
    .map((other) => nextRunCompares(other.mirror, other.target, "its table is tracked anew"));
}

/** Mirrors of this deployment whose next run would not be a delta. */
async function foreseeRuns(
  { database, options }: PlanContext,
  plans: readonly TablePlan[],
): Promise<Notice[]> {
  const { target, mirrors } = options.config;
  const targetId = target === "" ? null : await findTargetId(database, target);
  if (targetId === null) return [];
  const memories = await readMemories(
    database,
    targetId,
    mirrors.map(({ name }) => name),
  );
  const looked = await lookAtMirrors(database, mirrors);
  return mirrors.flatMap(({ name: mirror }, place) => {
    const source = looked[place]!;
    const watermark = memories.get(mirror)?.record?.watermark ?? null;
    const { outcome } = plans[place]!.change;
    if (source instanceof SyncError || watermark === null || outcome === "failed") return [];
    const { sight } = source;
    const generation = sight.generation + (outcome === "already-tracked" ? 0 : 1);
    const reason = whyCompare(watermark.seen as Sight, { ...sight, generation });
    return reason === null ? [] : [nextRunCompares(mirror, null, reason)];
  });
}

async function foreseeRecorded({ database, options, all }: PlanContext): Promise<Notice[]> {
  const { target } = options.config;
  const tables = await database.execute("reading the tracked tables", listRecorded);
  const isConfigured = (oid: string) => all.some(({ base }) => base.oid === oid);
  return tables.flatMap((table) => {
    if (table.isGone) return [droppedForgotten(table)];
    return table.targets.includes(target) && !isConfigured(table.oid) ? [stillTracked(table)] : [];
  });
}

function triggersMade(plans: readonly TablePlan[]): Notice[] {
  const basesOf = (outcome: TrackingChange["outcome"]) => [
    ...new Set(plans.filter(({ change }) => change.outcome === outcome).map(({ change }) => change.base)),
  ];
  const [made, replaced] = [basesOf("tracked"), basesOf("tracked-again")];
  return [
    ...(made.length > 0 ? [tablesTracked(made)] : []),
    ...(replaced.length > 0 ? [triggersReplaced(replaced)] : []),
  ];
}

function notOurs(table: string, base: string): SyncError {
  return new SyncError({
    code: "PERMISSION_DENIED",
    message: `This role does not own ${base}, or a partition of it, and makes no triggers there.`,
    remedy: "Run `datahub-sync migrate` as the table's owner.",
    table,
  });
}
