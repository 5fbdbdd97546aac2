import type { ExitCode } from "../model/errors.js";
import type { Notice } from "../model/report.js";
import type { TrackingChange } from "./migrate.js";

/** A statement that `migrate` would run. */
export interface PlannedStatement {
  /** The migration that it belongs to, or null: what frames the migrations. */
  migration: string | null;
  /** The mirror whose table it tracks. */
  table: string | null;
  sql: string;
  /** False for a call that finds everything in place. */
  changes: boolean;
}

/** What `migrate` would do, in its order. */
export interface MigrationPlan {
  dryRun: true;
  ok: boolean;
  exitCode: ExitCode;
  /** Names of the migrations that would be applied. */
  pending: string[];
  statements: PlannedStatement[];
  /** What would become of each table's tracking. */
  tables: TrackingChange[];
  /** What will mean something else afterwards. */
  effects: Notice[];
}
