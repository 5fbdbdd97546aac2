import type { JSONValue } from "convex/values";
import { CallRefused } from "./errors.js";
import { checkText } from "./value-limits.js";

export interface CallBody {
  path: string;
  /** The single argument of a Convex function, not yet decoded. */
  args: JSONValue;
  format: string | undefined;
}

/** Reads `{path, args, format}`; `args` is an object, or an array that holds one. */
export function readCallBody(contentType: string | undefined, bytes: Uint8Array): CallBody {
  if (contentType?.split(";")[0]!.trim().toLowerCase() !== "application/json") {
    throw badBody("Expected request with `Content-Type: application/json`");
  }
  const body = parse(bytes);
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw badBody("Expected an object");
  const { path, args, format } = body as Record<string, JSONValue | undefined>;
  if (typeof path !== "string") throw badBody("missing field `path`");
  if (typeof args !== "object" || args === null) throw badBody("missing field `args`");
  if (format !== undefined && format !== null && typeof format !== "string")
    throw badBody("invalid `format`");
  if (!Array.isArray(args)) return { path, args, format: format ?? undefined };
  // An absent argument is an empty one; more than one is for the function's validation to refuse.
  return { path, args: args.length > 1 ? args : (args[0] ?? {}), format: format ?? undefined };
}

function parse(bytes: Uint8Array): JSONValue {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const body = JSON.parse(text) as JSONValue;
    // Convex's JSON parser refuses the escapes of lone surrogates; JavaScript's does not.
    if (/\\ud[89a-f]/i.test(text)) checkTexts(body);
    return body;
  } catch (error) {
    throw badBody(`Failed to parse the request body as JSON: ${(error as Error).name}`);
  }
}

function checkTexts(value: JSONValue): void {
  if (typeof value === "string") checkText(value);
  else if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      checkText(key);
      checkTexts(part);
    }
  }
}

const badBody = (message: string): CallRefused => new CallRefused(400, "BadJsonBody", message);
