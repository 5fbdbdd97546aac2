import type { ErrorCode } from "./error-codes.js";
import type { ExitCode } from "./errors.js";

/** How what the module says of a table differs from what Postgres and the configuration say. */
export interface SchemaTable {
  table: string;
  outcome: "equal" | "differs" | "missing" | "failed";
  /** Fields that the module lacks, with the validators to add. */
  lacking: { field: string; validator: string }[];
  /** Fields that no column becomes. */
  superfluous: string[];
  /** Fields whose validators are others. */
  changed: { field: string; is: string; shouldBe: string }[];
  error?: { code: ErrorCode; message: string; remedy: string };
}

export interface SchemaReport {
  /** The module says what it should. */
  ok: boolean;
  exitCode: ExitCode;
  /** The module, as it was named. */
  path: string;
  /** It was written anew. */
  written: boolean;
  tables: SchemaTable[];
}
