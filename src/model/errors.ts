/** Exit codes of the command line, documented in the README. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  leaseHeld: 4,
  deletionsHeldBack: 5,
  stale: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Stable codes: scripts may match on them, so a code is never renamed. */
export type ErrorCode =
  // configuration (exit 2)
  | "CONFIG_MISSING"
  | "CONFIG_INVALID"
  | "USAGE"
  | "PACKAGES_MISSING"
  // Postgres
  | "DATABASE_UNREACHABLE"
  | "DATABASE_AUTH"
  | "DATABASE_IN_RECOVERY"
  | "DATABASE_FAILED"
  | "ENCODING_UNSUPPORTED"
  | "MIGRATIONS_MISSING"
  | "MIGRATIONS_NEWER"
  | "MIGRATIONS_OBSOLETE"
  | "RELATION_MISSING"
  | "RELATION_UNSUPPORTED"
  | "NO_KEY"
  | "VIEW_OVER_SEVERAL_TABLES"
  | "NOT_TRACKABLE"
  | "NOT_TRACKED"
  | "UPDATED_AT_DISPUTED"
  | "KEY_DISPUTED"
  | "PERMISSION_DENIED"
  | "LOCK_TIMEOUT"
  // Convex
  | "DEPLOYMENT_UNREACHABLE"
  | "DEPLOYMENT_FAILED"
  | "FUNCTIONS_NOT_DEPLOYED"
  | "PROTOCOL_MISMATCH"
  | "WRONG_SYNC_KEY"
  | "SYNC_KEY_UNSET"
  | "TABLE_NOT_DEPLOYED"
  | "SCHEMA_LAGS"
  // runs
  | "LEASE_HELD"
  | "LEASE_LOST"
  | "LINEAGE_MISMATCH"
  | "SYSTEMIC_REFUSAL"
  | "INTERRUPTED"
  | "INTERNAL";

export interface SyncErrorOptions {
  code: ErrorCode;
  /** What happened, in one sentence. Never a row value, a key or a connection string. */
  message: string;
  /** What the operator should do next, in one or two sentences. */
  remedy: string;
  /** The table concerned, as the configuration names it. */
  table?: string;
  exitCode?: ExitCode;
  cause?: unknown;
}

/**
 * The one error type that reaches the user: what happened, to which table, and what to do.
 * Everything else that escapes is a bug and is reported as INTERNAL.
 */
export class SyncError extends Error {
  override readonly name = "SyncError";
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly table: string | undefined;
  readonly exitCode: ExitCode;

  constructor(options: SyncErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.remedy = options.remedy;
    this.table = options.table;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}
