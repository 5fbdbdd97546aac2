import type { ErrorCode } from "./error-codes.js";
import type { ExitCode } from "./errors.js";

/** How what Convex holds of a key differs from what Postgres has. */
export type DifferenceKind =
  /** Values differ, or a field is there that no column explains. */
  | "different"
  /** The row has no document. */
  | "missing"
  /** The document has no row. */
  | "extra"
  /** The values are equal, and the hash that the ledger has of them is not: the next comparison would send the row. */
  | "hash"
  /** A document that the sync has not written. */
  | "unknown";

export interface Difference {
  kind: DifferenceKind;
  /** As `status` shows keys; of an unknown document its id. */
  key: string;
  /** The columns, or fields without a column, whose values differ. Never the values. */
  columns: string[];
}

/** What a look at both sides costs, about. */
export interface VerifyEstimate {
  documents: number;
  calls: number;
  /** Database I/O of Convex. Null: mean sizes are not known before rows were sent. */
  bytesRead: number | null;
}

export interface VerifyTable {
  table: string;
  outcome: "equal" | "different" | "never-synced" | "failed";
  /** Rows that were held against their documents and are equal. */
  equal: number;
  different: number;
  missing: number;
  extra: number;
  hash: number;
  unknown: number;
  /** Keys that changed since the last run and come with the next. */
  waiting: number;
  /** Rows that Convex cannot hold. */
  setAside: number;
  /** Documents whose deletion waits for a decision. */
  heldBack: number;
  /** Keys that changed at each look, because a run went on: nothing is known of them. */
  unsettled: number;
  /** The first differences. */
  differences: Difference[];
  /** Of how many rows these are, where a sample was looked at. */
  sampledOf: number | null;
  durationMs: number;
  /** What makes a difference no proof: changes that were not logged. */
  caution: string | null;
  error?: { code: ErrorCode; message: string; remedy: string };
}

export interface VerifyReport {
  /** Nothing differs of what was looked at. */
  ok: boolean;
  exitCode: ExitCode;
  deployment: string;
  /** Before anything was read. */
  estimate: VerifyEstimate;
  /** Nothing was looked at: the estimate was all that was asked for. */
  dryRun: boolean;
  tables: VerifyTable[];
}
