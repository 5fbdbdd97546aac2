import type { ErrorCode } from "./error-codes.js";
import type { ExitCode } from "./errors.js";
import type { RunReport } from "./report.js";

/** Documents of a table that no run has written, by what they are. */
export interface AdoptionTable {
  table: string;
  /** A row has their key, and they are equal to it. */
  equal: number;
  /** A row has their key, and they differ: they will be brought up to date. */
  differing: number;
  /** No row has their key. */
  withoutRow: number;
  /** Another document has their key. */
  doubles: number;
  /** Their fields are no key. */
  withoutKey: number;
  error?: { code: ErrorCode; message: string; remedy: string };
}

export interface AdoptionReport {
  ok: boolean;
  exitCode: ExitCode;
  /** As they were found, before anything was done. */
  tables: AdoptionTable[];
  /** The run that took them over; null where nothing was done. */
  run: RunReport | null;
}
