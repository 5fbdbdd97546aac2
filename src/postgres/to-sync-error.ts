import { SyncError, type ErrorCode } from "../model/errors.js";
import { QUOTES_VALUES } from "../model/quotes-values.js";
import { databaseErrorCode, isRetryable, poolerRefusal } from "./database-error.js";
import {
  explainNotLetIn,
  explainPooler,
  explainTls,
  unreachable,
  type Explanation,
  type ServerError,
} from "./explain-connection.js";

/** What our own SQL functions raise: with message and hint that name objects, and no values. */
const OURS: Readonly<Record<string, ErrorCode>> = {
  DS101: "RELATION_UNSUPPORTED",
  DS102: "NO_KEY",
  DS104: "UPDATED_AT_DISPUTED",
};

/**
 * Turns whatever the driver threw into the message that the user gets. Of the server's own text only what names
 * objects is repeated: details and parameters may hold row values.
 */
export function toSyncError(error: unknown, doing: string): SyncError {
  if (error instanceof SyncError) return error;
  const code = databaseErrorCode(error);
  const server = innermost(error) as ServerError;
  const explanation =
    (code === undefined ? null : explainOurs(code, server)) ??
    explainPooler(poolerRefusal(error)) ??
    (server?.severity === "FATAL" ? explainNotLetIn(code, server) : null) ??
    explainTls(code) ??
    (code === undefined ? null : explainCode(code, server, doing)) ??
    (isRetryable(error) ? unreachable(code, doing) : failed(code, server, doing));
  return new SyncError({ ...explanation, cause: withoutValues(server) });
}

/** The innermost error, since Drizzle's wrapper quotes parameters. */
function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error;
}

/**
 * The error as it may be logged: without the server's detail and context, and without its message where such messages
 * quote values (invariant 11). What it is called and the system call that failed say what may be shown of it.
 */
function withoutValues(inner: unknown): Error {
  const code = databaseErrorCode(inner);
  if (!(inner instanceof Error) || (code !== undefined && QUOTES_VALUES.test(code)))
    return Object.assign(
      new Error(`Postgres answered ${code ?? "unclearly"}.`),
      code !== undefined && { code },
    );
  const { name, message, syscall } = inner as NodeJS.ErrnoException;
  return Object.assign(
    new Error(message),
    { name },
    code !== undefined && { code },
    syscall !== undefined && { syscall },
  );
}

function explainOurs(code: string, { message, hint }: ServerError): Explanation | null {
  if (!code.startsWith("DS1") || hint === undefined) return null;
  return { code: OURS[code] ?? "NOT_TRACKABLE", message: `${message}.`, remedy: hint };
}

/** What a denied permission is for, where the server's message is nothing but that. */
const DENIED =
  /^(?:permission denied for|must be owner of) (?:table|view|schema|sequence|function|relation|database) \S+$/;

const POOLED_SETTING =
  "of the role, of the database, or set by another client of the same pooler, which hands its sessions on.";

function explainCode(code: string, { message }: ServerError, doing: string): Explanation | null {
  switch (code) {
    case "28P01":
      return {
        code: "DATABASE_AUTH",
        message: `Postgres refused the user or the password (${code}) while ${doing}.`,
        remedy: "Check DATABASE_URL: user, password, and whether the password has expired (VALID UNTIL).",
      };
    case "28000":
      return {
        code: "DATABASE_AUTH",
        message: `Postgres does not let this user in (${code}) while ${doing}.`,
        remedy:
          "Check the user in DATABASE_URL: whether there is such a role, whether it may log in (ALTER ROLE … LOGIN), and whether " +
          "pg_hba.conf has an entry for it, from here and with this sslmode.",
      };
    case "3D000":
      return {
        code: "DATABASE_AUTH",
        message: `The database that DATABASE_URL names does not exist (${code}).`,
        remedy: "Check the path of DATABASE_URL.",
      };
    case "42501":
      return {
        code: "PERMISSION_DENIED",
        message: `Postgres denied permission while ${doing}${DENIED.test(message) ? `: ${message}` : ""}.`,
        remedy:
          "Run `migrate` as the tables' owner; a role that only runs `sync` needs USAGE on the schemas and SELECT on the relations, " +
          "whole, and `SELECT datahub_sync.grant_runner('role')`, called once by the owner.",
      };
    case "25006":
      return {
        code: "DATABASE_FAILED",
        message: `Postgres allowed nothing but reading while ${doing} (25006).`,
        remedy:
          `Look for default_transaction_read_only: ${POOLED_SETTING} Where that is so, use a connection that bypasses ` +
          "the pooler.",
      };
    case "57014":
      return {
        code: "DATABASE_FAILED",
        message: `A statement was cancelled while ${doing} (57014).`,
        remedy: `Somebody cancelled it, or statement_timeout is too short: ${POOLED_SETTING}`,
      };
    case "40001":
    case "40P01":
      return {
        code: "LOCK_TIMEOUT",
        message: `Other transactions were in the way again and again while ${doing} (${code}).`,
        remedy:
          "Nothing was changed by that statement. Run again when fewer sessions write to the same tables.",
      };
    case "55P03":
      return {
        code: "LOCK_TIMEOUT",
        message: `Another session held a lock for too long while ${doing}.`,
        remedy: "Nothing was changed. Try again when no long transaction holds the table.",
      };
    default:
      return null;
  }
}

/** Relations, columns, functions and types that the catalog had when we looked. */
const GONE = new Set(["42P01", "42703", "42883", "42704", "3F000"]);

function failed(code: string | undefined, server: ServerError | undefined, doing: string): Explanation {
  return {
    code: "DATABASE_FAILED",
    message: `Postgres failed while ${doing}${code === undefined ? "" : ` (${code})`}.`,
    remedy: remedyOfFailure(code, server),
  };
}

/** What is promised of --verbose is what it shows: `describeCause` in cli/render/failure.ts. */
function remedyOfFailure(code: string | undefined, server: ServerError | undefined): string {
  if (code === undefined) return "This may be a bug: run again with --verbose, and report what it prints.";
  if (QUOTES_VALUES.test(code)) {
    return (
      `The server's own message may quote values of rows, and is withheld with --verbose, too: look for ${code} at this time in the ` +
      "server's log (%e in log_line_prefix writes the codes there)."
    );
  }
  if (server?.name !== "PostgresError") return `Look up ${code}, the code of Node or of the driver.`;
  if (GONE.has(code)) {
    return (
      "If the table was changed at this moment, run again. If it stays so, --verbose shows the server's own message, which " +
      "names what is not there."
    );
  }
  return "Run again with --verbose to see the server's own message.";
}
