import type { SyncFunctionErrorCode } from "../../convex/datahubSync/protocol.js";
import type { ErrorCode } from "../model/errors.js";
import type { ConvexCallError } from "./convex-call-error.js";

/**
 * What to do about a failed call. This file is the one place that decides, from codes and never from message
 * texts: production redacts every message that is not a ConvexError's.
 */
export type Decision =
  /**
   * Send it again. "not-committed": Convex turned the call away, it will never be applied. "unknown": it may
   * have been applied, or may still be, late: the fence is rotated before anything of it is sent again.
   */
  | { action: "repeat"; outcome: "not-committed" | "unknown" }
  /**
   * Nothing was written and the same call would fail again: cut it in half. When nothing is left to cut, the single row
   * is at fault itself and set aside; or what refuses it knows nothing of rows: then it is sent again, or the run
   * cannot go on.
   */
  | { action: "split"; alone: "set-aside" | "repeat" | "fail" }
  /** The run cannot go on. */
  | { action: "fail"; code: ErrorCode };

const REPEAT: Decision = { action: "repeat", outcome: "not-committed" };
const REPEAT_UNKNOWN: Decision = { action: "repeat", outcome: "unknown" };
const SPLIT: Decision = { action: "split", alone: "set-aside" };
const fail = (code: ErrorCode): Decision => ({ action: "fail", code });

const BY_FUNCTION_CODE: Record<SyncFunctionErrorCode, Decision> = {
  SYNC_KEY_UNSET: fail("SYNC_KEY_UNSET"),
  WRONG_SYNC_KEY: fail("WRONG_SYNC_KEY"),
  UNKNOWN_TABLE: fail("TABLE_NOT_DEPLOYED"),
  LINEAGE_MISMATCH: fail("LINEAGE_MISMATCH"),
  EPOCH_BEHIND: fail("LEASE_LOST"),
  STALE_TOKEN: fail("LEASE_LOST"),
  ROW_FAILED: SPLIT,
  BAD_REQUEST: SPLIT,
};

/**
 * The 503s of Convex's backend (crates/errors) that are answered before a commit. Any other 503 comes from
 * something in between, which knows nothing of the commit.
 */
const NOT_COMMITTED_503 = new Set([
  "OptimisticConcurrencyControlFailure",
  "CommitterFullError",
  "ExpiredInQueue",
  "ExecuteFullError",
  "WorkerOverloaded",
  "IsolateNotClean",
  "InitialPermitTimeoutError",
]);

export const SYSTEM_TIMEOUT = "SystemTimeoutError";

/** Socket errors of a connection that was never made: the call cannot have arrived. */
const NEVER_CONNECTED = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

export function decide(error: ConvexCallError): Decision {
  switch (error.kind) {
    case "unsendable":
      return SPLIT;
    case "network":
      return error.code !== null && NEVER_CONNECTED.has(error.code) ? REPEAT : REPEAT_UNKNOWN;
    case "timeout":
      return REPEAT_UNKNOWN;
    case "aborted":
      return fail("INTERRUPTED");
    case "http":
      return decideByStatus(error.status ?? 0, error.code);
    case "function":
      // Not one of our codes: a limit of Convex (time, bytes read, …), or a bug. Fewer rows may pass.
      return isFunctionCode(error.code) ? BY_FUNCTION_CODE[error.code] : SPLIT;
  }
}

/** What to do about a call that can't be cut: of a single row, or not of rows at all. */
export function decideAlone(error: ConvexCallError): Decision {
  const decision = decide(error);
  return decision.action === "split" && decision.alone === "repeat" ? REPEAT : decision;
}

/** Whether it is the call's size that was refused, and not what it holds. */
export function isTooMuch(error: ConvexCallError): boolean {
  const decision = decide(error);
  return decision.action === "split" && decision.alone !== "set-aside";
}

function decideByStatus(status: number, code: string | null): Decision {
  if (status === 429) return REPEAT;
  if (status === 503 && code !== null && NOT_COMMITTED_503.has(code)) return REPEAT;
  if (status === 408 || status >= 500) return REPEAT_UNKNOWN;
  // Convex never says 413, but a proxy before a self-hosted deployment does. Its limit is no fault of a row.
  if (status === 413) return { action: "split", alone: "fail" };
  // A function whose database time, with its waits, passed 15 s (crates/isolate/src/timeout.rs). It is a bad request by
  // name alone: how long it takes depends on how much it is and on how busy the deployment is.
  if (status === 400 && code === SYSTEM_TIMEOUT) return { action: "split", alone: "repeat" };
  // A redirect is not followed (it would carry the sync key elsewhere), and 404 is not Convex's API either.
  if (status === 404 || (status >= 300 && status < 400)) return fail("DEPLOYMENT_UNREACHABLE");
  return fail("DEPLOYMENT_FAILED");
}

/** Whether a code is one that our own functions throw. */
export function isFunctionCode(code: unknown): code is SyncFunctionErrorCode {
  return typeof code === "string" && Object.hasOwn(BY_FUNCTION_CODE, code);
}
