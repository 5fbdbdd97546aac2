import { SyncError } from "../errors.js";

/** What a restart of the server or of a pooler looks like from here. It is over soon. */
const RESTART_CODES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "53300", // too_many_connections
]);

/** Nobody answered for as long as we wait. */
const SILENCE_CODES = new Set(["CONNECT_TIMEOUT", "STATEMENT_DEADLINE", "ETIMEDOUT"]);

/** A name that was not resolved: a typing error, or a network that is not there at this moment. */
const NAME_CODES = new Set(["ENOTFOUND", "EAI_AGAIN"]);

/** Another session was in the way. */
const CONTENTION_CODES = new Set([
  "40001", // serialization_failure
  "40P01", // deadlock_detected
  "55P03", // lock_not_available
]);

/** Neon's proxy reports a compute that does not start as an internal error; nothing but its text tells. */
const NEON_TRANSIENT = /Couldn't connect to compute node|Control plane request failed/;

/** The SQLSTATE, or the driver's or the socket's code; undefined for anything else. Drizzle wraps what it gets. */
export function databaseErrorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === "string" ? code : databaseErrorCode(cause);
}

/** Whether what a statement names is not there: for tables of ours it means that `migrate` has never run. */
export function isMissingRelation(error: unknown): boolean {
  // undefined_table, invalid_schema_name
  return ["42P01", "3F000"].includes(databaseErrorCode(error) ?? "");
}

/** Whether the same statement may be tried again. All our statements may run twice. */
export function isRetryable(error: unknown): boolean {
  return isConnectionAtFault(error) || isContention(error);
}

/** Another session was in the way of the statement, which has changed nothing. */
export function isContention(error: unknown): boolean {
  return CONTENTION_CODES.has(databaseErrorCode(error) ?? "");
}

/** The connection or the server was at fault, not the statement: the next try needs a new connection. */
export function isConnectionAtFault(error: unknown): boolean {
  return isRestart(error) || isSilence(error) || NAME_CODES.has(databaseErrorCode(error) ?? "");
}

export function isSilence(error: unknown): boolean {
  return SILENCE_CODES.has(databaseErrorCode(error) ?? "");
}

/** The server, a pooler or Neon's compute is gone and on its way back, as far as a code can tell. */
export function isRestart(error: unknown): boolean {
  const code = databaseErrorCode(error);
  if (code === undefined) return false;
  if (RESTART_CODES.has(code) || code.startsWith("08")) return true; // 08: connection exceptions
  return code === "XX000" && messagesOf(error).some((message) => NEON_TRANSIENT.test(message));
}

function messagesOf(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...messagesOf(error.cause)] : [];
}

/** Classes of SQLSTATE whose messages quote values: data exceptions, constraint violations, what a function raised. */
const QUOTES_VALUES = /^(22|23|P0)/;

/**
 * The error as it may be logged: the innermost one, since Drizzle's wrapper quotes parameters; without the server's
 * detail and context; and without its message where such messages quote values (invariant 11).
 */
function withoutValues(error: unknown): Error {
  let inner: unknown = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const code = databaseErrorCode(inner);
  const quotes = code !== undefined && QUOTES_VALUES.test(code);
  const message =
    inner instanceof Error && !quotes ? inner.message : `Postgres answered ${code ?? "unclearly"}.`;
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

/**
 * Turns whatever the driver threw into the message that the user gets. Of the server's own text only what names
 * objects is repeated: details and parameters may hold row values.
 */
export function toSyncError(error: unknown, doing: string): SyncError {
  if (error instanceof SyncError) return error;
  const code = databaseErrorCode(error);
  const shared = { cause: withoutValues(error) };
  switch (code) {
    case "28P01":
    case "28000":
      return new SyncError({
        ...shared,
        code: "DATABASE_AUTH",
        message: `Postgres refused the user or the password (${code}) while ${doing}.`,
        remedy: "Check DATABASE_URL: user, password and database name.",
      });
    case "3D000":
      return new SyncError({
        ...shared,
        code: "DATABASE_AUTH",
        message: `The database that DATABASE_URL names does not exist (${code}).`,
        remedy: "Check the path of DATABASE_URL.",
      });
    case "42501":
      return new SyncError({
        ...shared,
        code: "PERMISSION_DENIED",
        message: `Postgres denied permission while ${doing}.`,
        remedy:
          "Run `migrate` as the tables' owner; a role that only runs `sync` needs SELECT on the relations and " +
          "`SELECT datahub_sync.grant_runner('role')`, called once by the owner.",
      });
    case "25006":
      return new SyncError({
        ...shared,
        code: "DATABASE_FAILED",
        message: `Postgres allowed nothing but reading while ${doing} (25006).`,
        remedy:
          "Look for default_transaction_read_only: of the role, of the database, or set by another client of the " +
          "same pooler, which hands its sessions on. Where that is so, use a connection that bypasses the pooler.",
      });
    case "57014":
      return new SyncError({
        ...shared,
        code: "DATABASE_FAILED",
        message: `A statement was cancelled while ${doing} (57014).`,
        remedy:
          "Somebody cancelled it, or statement_timeout is too short: of the role, of the database, or set by another " +
          "client of the same pooler, which hands its sessions on.",
      });
    case "40001":
    case "40P01":
      return new SyncError({
        ...shared,
        code: "LOCK_TIMEOUT",
        message: `Other transactions were in the way again and again while ${doing} (${code}).`,
        remedy:
          "Nothing was changed by that statement. Run again when fewer sessions write to the same tables.",
      });
    case "55P03":
      return new SyncError({
        ...shared,
        code: "LOCK_TIMEOUT",
        message: `Another session held a lock for too long while ${doing}.`,
        remedy: "Nothing was changed. Try again when no long transaction holds the table.",
      });
    default:
      if (isRetryable(error)) {
        return new SyncError({
          ...shared,
          code: "DATABASE_UNREACHABLE",
          message: `Postgres could not be reached while ${doing} (${code}).`,
          remedy:
            "Check that the server is up and that DATABASE_URL names its host and port; then run again.",
        });
      }
      return new SyncError({
        ...shared,
        code: "DATABASE_FAILED",
        message: `Postgres failed while ${doing}${code === undefined ? "" : ` (${code})`}.`,
        remedy: "Run again with --verbose to see the server's own message.",
      });
  }
}
