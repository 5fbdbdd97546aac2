import type { ExitCode } from "./errors.js";

/** How old a mirror is, for a monitor. */
export interface HealthTable {
  table: string;
  /** Since the watermark, by the database's clock; null: it was never loaded. */
  ageSeconds: number | null;
}

export interface HealthReport {
  /** No mirror is older than the limit, and none was never loaded. */
  ok: boolean;
  exitCode: ExitCode;
  maxAgeSeconds: number;
  /** The oldest first; what was never loaded before all others. */
  tables: HealthTable[];
}
