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

/**
 * Whether a text of ours has letters that the database's encoding lacks: nothing in it can have such a name. Seen through
 * the SyncError that `Database` makes of it, too.
 */
export function isUntranslatable(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return code === "22P05" || (cause !== undefined && isUntranslatable(cause));
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

/** The server answered, and with an error: SQLSTATEs have five letters or digits. */
export function isServerError(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(databaseErrorCode(error) ?? "");
}

export function isSilence(error: unknown): boolean {
  return SILENCE_CODES.has(databaseErrorCode(error) ?? "");
}

/** The server, a pooler or Neon's compute is gone and on its way back, as far as a code can tell. */
export function isRestart(error: unknown): boolean {
  const code = databaseErrorCode(error);
  if (code === undefined) return false;
  // 08: connection exceptions. A pooler answers with one of them whatever it has to say.
  if (RESTART_CODES.has(code) || (code.startsWith("08") && poolerRefusal(error) === null)) return true;
  return code === "XX000" && messagesOf(error).some((message) => NEON_TRANSIENT.test(message));
}

/** What a pooler will not do however often it is asked. */
export type PoolerRefusal =
  { kind: "parameter"; name: string; inOptions: boolean } | { kind: "database" | "user" | "encryption" };

/**
 * PgBouncer says most of what it says with 08P01, and nothing but its text tells the one from the other. What is not
 * among these may pass: a server that is down, a queue that is too long.
 */
export function poolerRefusal(error: unknown): PoolerRefusal | null {
  if (databaseErrorCode(error) !== "08P01") return null;
  for (const message of messagesOf(error)) {
    const parameter = /unsupported startup parameter( in options)?: ([A-Za-z0-9_.]+)/.exec(message);
    if (parameter) return { kind: "parameter", name: parameter[2]!, inOptions: parameter[1] !== undefined };
    if (/^no such database|^database ".*" does not exist$|^database ".*" is disabled$/.test(message))
      return { kind: "database" };
    if (/^no such user|^("trust"|[A-Za-z]+) authentication failed/.test(message)) return { kind: "user" };
    if (message === "SSL required") return { kind: "encryption" };
  }
  return null;
}

function messagesOf(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...messagesOf(error.cause)] : [];
}
