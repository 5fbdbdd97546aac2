import { ConvexError } from "convex/values";
import type { SyncFunctionErrorCode, SyncFunctionErrorData } from "./protocol.js";

/**
 * The only error these functions throw: production redacts the message of everything that is not a
 * ConvexError, and the caller decides by `data.code`. Never put a row value or the sync key in it.
 */
export function refusal(
  code: SyncFunctionErrorCode,
  message: string,
  details: Record<string, string> = {},
): ConvexError<SyncFunctionErrorData> {
  return new ConvexError({ ...details, code, message });
}
