/** Where a call to Convex failed. What follows from it is decided in retry-policy.ts, and only there. */
export type CallFailureKind =
  /** Before a byte left: a value that Convex cannot take, or a body above the limit. */
  | "unsendable"
  /** No usable answer: refused, reset, cut in the middle, or not an answer of Convex. */
  | "network"
  /** No complete answer within the call's time limit. */
  | "timeout"
  /** The caller's signal aborted while the call was under way. */
  | "aborted"
  /** An answer other than 200: `{code, message}`, or whatever a proxy says. */
  | "http"
  /** The function ran, or was looked for, and failed. Nothing was written. */
  | "function";

export interface CallFailure {
  kind: CallFailureKind;
  /** The function called, as "module:name". */
  functionName: string;
  /** Convex's code, the function's own code, or the socket's; null when there is none. */
  code?: string | null;
  /** HTTP status, for kind "http". */
  status?: number | null;
  /** What Retry-After asks for, in milliseconds. */
  retryAfterMs?: number | null;
  /** Finds the failure in the logs of the deployment's dashboard. */
  requestId?: string | null;
  /** One sentence from our own functions. Anything else may quote arguments, and is left behind. */
  detail?: string | null;
}

/**
 * One failed call. Its message is made of codes and our own sentences: a message by Convex may quote the
 * arguments, which hold the sync key and row values (invariant 11), so none is carried on.
 */
export class ConvexCallError extends Error {
  override readonly name = "ConvexCallError";
  readonly kind: CallFailureKind;
  readonly functionName: string;
  readonly code: string | null;
  readonly status: number | null;
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;
  readonly detail: string | null;

  constructor(failure: CallFailure) {
    super(describe(failure));
    this.kind = failure.kind;
    this.functionName = failure.functionName;
    this.code = failure.code ?? null;
    this.status = failure.status ?? null;
    this.retryAfterMs = failure.retryAfterMs ?? null;
    this.requestId = failure.requestId ?? null;
    this.detail = failure.detail ?? null;
  }
}

function describe({ kind, functionName, code, status, requestId, detail }: CallFailure): string {
  const facts = [
    status == null ? kind : `HTTP ${status}`,
    code,
    requestId == null ? null : `request ${requestId}`,
    detail,
  ].filter((fact) => fact != null && fact !== "");
  return `${functionName} failed: ${facts.join(", ")}`;
}
