import type { ErrorCode } from "./error-codes.js";

export type { ErrorCode };

/** Exit codes of the command line; what each means is in exit-codes.ts. */
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

/** What the command line ends with where this error ends it. One that fails a table alone leaves that to the report. */
export const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  CONFIG_MISSING: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  USAGE: EXIT.usage,
  PACKAGES_MISSING: EXIT.usage,
  DATABASE_UNREACHABLE: EXIT.failed,
  DATABASE_AUTH: EXIT.failed,
  DATABASE_IN_RECOVERY: EXIT.failed,
  DATABASE_FAILED: EXIT.failed,
  ENCODING_UNSUPPORTED: EXIT.failed,
  MIGRATIONS_MISSING: EXIT.failed,
  MIGRATIONS_NEWER: EXIT.failed,
  MIGRATIONS_OBSOLETE: EXIT.failed,
  RELATION_MISSING: EXIT.failed,
  RELATION_UNSUPPORTED: EXIT.failed,
  NO_KEY: EXIT.failed,
  NOT_TRACKABLE: EXIT.failed,
  NOT_TRACKED: EXIT.failed,
  UPDATED_AT_DISPUTED: EXIT.failed,
  KEY_DISPUTED: EXIT.failed,
  PERMISSION_DENIED: EXIT.failed,
  LOCK_TIMEOUT: EXIT.failed,
  DEPLOYMENT_UNREACHABLE: EXIT.failed,
  DEPLOYMENT_FAILED: EXIT.failed,
  FUNCTIONS_NOT_DEPLOYED: EXIT.failed,
  PROTOCOL_MISMATCH: EXIT.failed,
  WRONG_SYNC_KEY: EXIT.failed,
  SYNC_KEY_UNSET: EXIT.failed,
  TABLE_NOT_DEPLOYED: EXIT.failed,
  SCHEMA_LAGS: EXIT.failed,
  LEASE_HELD: EXIT.leaseHeld,
  LEASE_LOST: EXIT.failed,
  LINEAGE_MISMATCH: EXIT.failed,
  SYSTEMIC_REFUSAL: EXIT.failed,
  QUEUE_FAILED: EXIT.failed,
  INTERRUPTED: EXIT.failed,
  INTERNAL: EXIT.failed,
};

export interface SyncErrorOptions {
  code: ErrorCode;
  /** What happened, in one sentence. Never a row value, a key or a connection string. */
  message: string;
  /** What the operator should do next, in one or two sentences. */
  remedy: string;
  /** The table concerned, as the configuration names it. */
  table?: string;
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
    this.exitCode = EXIT_OF_ERROR[options.code];
  }
}
