import { SyncError, type ErrorCode } from "../model/errors.js";

/** Failures that concern the whole run: what follows would fail alike, or must not be tried. */
const CODES: ReadonlySet<ErrorCode> = new Set([
  "DATABASE_UNREACHABLE",
  "DATABASE_AUTH",
  "DEPLOYMENT_UNREACHABLE",
  "WRONG_SYNC_KEY",
  "SYNC_KEY_UNSET",
  "LEASE_LOST",
  "INTERRUPTED",
]);

export function endsRun({ code }: { code: ErrorCode }): boolean {
  return CODES.has(code);
}

/** Whether a failure may be one mirror's own, so that the others can go on. */
export function concernsOneMirror(error: unknown): error is SyncError {
  return error instanceof SyncError && !endsRun(error);
}
