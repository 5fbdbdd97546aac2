import { ConvexError } from "convex/values";
import type { Clock } from "../model/clock.js";
import { ConvexCallError, type CallFailure } from "./convex-call-error.js";
import { isFunctionCode } from "./retry-policy.js";

/** What the function said, once Convex has answered. */
export function readFunctionFailure(functionName: string, error: unknown, syncKey: string): ConvexCallError {
  // A 200 that is not JSON did not come from Convex, or was cut: whether the function ran is not known.
  if (error instanceof SyntaxError) {
    return new ConvexCallError({ kind: "network", functionName, code: "BAD_ANSWER" });
  }
  const failure: CallFailure = {
    kind: "function",
    functionName,
    code: "FUNCTION_FAILED",
    requestId: error instanceof Error ? readRequestId(error.message) : null,
  };
  if (!(error instanceof ConvexError)) return new ConvexCallError(failure);
  const data = error.data as unknown;
  if (typeof data !== "object" || data === null) return new ConvexCallError(failure);
  const { code, message, reason } = data as { code?: unknown; message?: unknown; reason?: unknown };
  // Another code would be another function's, and so would be the message.
  if (!isFunctionCode(code)) return new ConvexCallError(failure);
  const sentences = [message, reason].filter((sentence) => typeof sentence === "string");
  const detail = sentences.join(" ").replaceAll(syncKey, "[sync key]");
  return new ConvexCallError({ ...failure, code, detail });
}

function readRequestId(message: string): string | null {
  return /^\[Request ID: (\w{1,64})\]/.exec(message)?.[1] ?? null;
}

/** An answer other than 200. */
export function readHttpFailure(
  functionName: string,
  { status, headers }: Response,
  body: ArrayBuffer,
  clock: Clock,
): ConvexCallError {
  return new ConvexCallError({
    kind: "http",
    functionName,
    status,
    code: readCode(body),
    retryAfterMs: readRetryAfterMs(headers, clock),
  });
}

/** The code of `{code, message}`. The message may quote what was sent. */
function readCode(body: ArrayBuffer): string | null {
  try {
    const { code } = JSON.parse(new TextDecoder().decode(body)) as { code?: unknown };
    return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : null;
  } catch {
    return null;
  }
}

/** Retry-After is a number of seconds or an HTTP date. */
function readRetryAfterMs(headers: Headers, clock: Clock): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** The code of the socket's error that the built-in `fetch` keeps as a cause. */
export function readSocketCode(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : null;
}
