import type { JSONValue } from "convex/values";

/**
 * A call that was answered without running to its end: an HTTP status other than 200 and a body
 * `{code, message}`. Whether it may be repeated follows from the code.
 */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The header Retry-After: seconds, or a date of HTTP. */
    readonly retryAfter: string | null = null,
  ) {
    super(message);
  }
}

/**
 * A function that failed: HTTP 200 with `status: "error"`. `message` is what the client may see, so it is
 * redacted where the deployment redacts. `data` is set for a ConvexError only, in Convex's JSON encoding.
 */
export class FunctionFailed extends Error {
  override readonly name = "FunctionFailed";
  constructor(
    message: string,
    readonly data?: JSONValue,
  ) {
    super(message);
  }
}

/** A deploy that Convex would refuse: an illegal name, or documents that contradict the new schema. */
export class DeployRefused extends Error {
  override readonly name = "DeployRefused";
  constructor(
    message: string,
    /** The table whose documents are in the way. */
    readonly table: string | null = null,
  ) {
    super(message);
  }
}

/** A transaction read something that another one has written since. Internal: the runner retries it. */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
}

/** A transaction has read all it may. A function can catch it; a page ends with what it has by then. */
export class ReadLimitError extends Error {}

export const BAD_ADMIN_KEY = "The provided admin key was invalid for this instance";

export function actionsUnsupported(): Error {
  return new Error("The local deployment does not run actions");
}

/** A function has taken longer than it may, by the clock or by what its work is said to take. */
export function outOfTime(limitMs: number): Error {
  return new Error(`Function execution timed out (maximum duration: ${limitMs}ms)`);
}
