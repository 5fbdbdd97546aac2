import type { JSONValue } from "convex/values";
import { FunctionFailed } from "./errors.js";

/**
 * What a client may know of a failed function. Production tells it nothing but a ConvexError's data; other
 * deployments add the message. Neither tells the stack here.
 */
export function describeFailure(thrown: unknown, requestId: string, redact: boolean): FunctionFailed {
  const data = convexErrorData(thrown);
  const head = `[Request ID: ${requestId}] Server Error`;
  return new FunctionFailed(
    redact ? head : `${head}\nUncaught ${nameOf(thrown)}: ${messageOf(thrown)}`,
    data,
  );
}

/** `convex/server` has turned a ConvexError's data into JSON text by the time it gets here. */
export function convexErrorData(thrown: unknown): JSONValue | undefined {
  if (typeof thrown !== "object" || thrown === null || !(Symbol.for("ConvexError") in thrown))
    return undefined;
  const { data } = thrown as { data?: unknown };
  return typeof data === "string" ? (JSON.parse(data) as JSONValue) : undefined;
}

export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

const nameOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : "Error");
