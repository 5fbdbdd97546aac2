import { SyncError, type ErrorCode, type ExitCode } from "../../model/errors.js";
import { QUOTES_VALUES } from "../../model/quotes-values.js";
import type { Paint } from "./paint.js";

/** Errors of the language whose messages quote code, not data. */
const NAMES_CODE = new Set(["TypeError", "ReferenceError"]);

/** Everything that is thrown becomes a SyncError; what is not one already is a bug. */
export function toFailure(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError({
    code: "INTERNAL",
    message: `Something unexpected happened: ${describeCause(error)}.`,
    remedy: "This is a bug. Run again with --verbose and report what it prints.",
    cause: error,
  });
}

/** One message: what happened, to which table, what to do; with `verbose` also the causes and where they arose. */
export function renderFailure(error: SyncError, verbose: boolean, paint: Paint): string {
  const lines = [`${paint.red("error:")} ${error.message}`];
  if (error.table !== undefined) lines.push(`  table: ${error.table}`);
  lines.push(`  what to do: ${error.remedy}`, paint.dim(`  (${error.code}, exit code ${error.exitCode})`));
  return [...lines, ...(verbose ? renderCauses(error).map((line) => paint.dim(line)) : [])].join("\n");
}

/** What `--json` prints for a failure. */
export interface FailureReport {
  ok: false;
  error: { code: ErrorCode; message: string; table: string | null; remedy: string };
  exitCode: ExitCode;
}

export function failureReport(error: SyncError): FailureReport {
  const { code, message, table, remedy, exitCode } = error;
  return { ok: false, error: { code, message, table: table ?? null, remedy }, exitCode };
}

/** The chain of causes with their stacks. Each message was decided on by `describeCause`. */
export function renderCauses(error: unknown): string[] {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  for (let cause = error; cause !== undefined && cause !== null && !seen.has(cause);) {
    seen.add(cause);
    lines.push(
      `  ${lines.length === 0 ? "at the top" : "caused by"}: ${describeCause(cause)}`,
      ...frames(cause),
    );
    cause = (cause as { cause?: unknown }).cause;
  }
  return lines;
}

/**
 * An error's name, code and, where it cannot hold a row's value, its message. Drivers put parameters, and the server
 * puts values, into messages (invariant 11).
 */
export function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const name = typeof code === "string" ? `${error.name} ${code}` : error.name;
  const postgres = error.name === "PostgresError" && typeof code === "string" && !QUOTES_VALUES.test(code);
  const safe =
    error instanceof SyncError || NAMES_CODE.has(error.name) || typeof syscall === "string" || postgres;
  return safe ? `${name}: ${error.message}` : `${name} (its message is withheld, it may quote data)`;
}

/** Lines that say where, not what: the message at the stack's head is left out. */
function frames(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
}
