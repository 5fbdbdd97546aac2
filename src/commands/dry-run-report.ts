import type { ExitCode } from "../model/errors.js";
import type { Notice, RunMode, RunReport, TableReport } from "../model/report.js";
import type { SetAsideRows } from "./foreseen-mirror-effects.js";

/** What a run would do with one table. Counts are those that the run's report would have. */
export interface ForeseenTable extends Pick<
  TableReport,
  | "table"
  | "mode"
  | "read"
  | "inserted"
  | "updated"
  | "unchanged"
  | "deleted"
  | "rejected"
  | "heldBack"
  | "calls"
  | "bytesSent"
  | "bytesRead"
  | "bytesWritten"
  | "tracking"
  | "waiting"
  | "notices"
  | "error"
> {
  /**
   * `nothing`: nothing has changed. `load`: everything, into an empty mirror. `compare`: keys and hashes of both sides.
   * `refused`: `error` says why.
   */
  run: "nothing" | "load" | "delta" | "compare" | "refused";
  /** Rows that this run would set aside, by reason; `rejected` counts those of earlier runs as well. */
  setAside: SetAsideRows[];
}

export type ForeseenTotals = Omit<RunReport["totals"], "retries">;

export interface DryRunReport {
  dryRun: true;
  /** Every table could be looked at, and none would be refused. */
  ok: boolean;
  exitCode: ExitCode;
  /** Of the run itself. */
  foreseenExitCode: ExitCode;
  mode: RunMode;
  startedAt: string;
  durationMs: number;
  tables: ForeseenTable[];
  /** With what is asked and told once for all tables. */
  totals: ForeseenTotals;
  notices: Notice[];
}
