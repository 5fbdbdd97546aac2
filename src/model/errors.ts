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
