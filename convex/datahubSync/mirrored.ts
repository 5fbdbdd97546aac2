import { v, type Validator } from "convex/values";

/**
 * A mirrored column: absent, null, or of its type. A deploy checks the documents that exist against the
 * schema, so adding a column, or no longer mirroring one, must never make them invalid.
 * @example
 * ```ts
 * // convex/mirrors.ts
 * import { defineTable } from "convex/server";
 * import { v } from "convex/values";
 * import { mirrored } from "datahub-sync/convex";
 *
 * export const mirrorTables = {
 *   customers: defineTable({
 *     customer_no: mirrored(v.int64()),
 *     name: mirrored(v.string()),
 *   }).index("by_customer_no", ["customer_no"]),
 * };
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the bound of v.union
export function mirrored<T extends Validator<any, "required", any>>(type: T) {
  return v.optional(v.union(v.null(), type));
}
