import { mirroredColumns } from "../../catalog/inspect-mirror.js";
import type { ResolvedMirror } from "../../catalog/resolved-mirror.js";
import { validatorSource } from "../../encode/plan-document.js";
import { toConvexName } from "../../model/names.js";
import type { TableModule } from "./print-module.js";
import type { TableRead } from "./read-module.js";

/** Convex takes so many fields in an index. */
const MAX_INDEX_FIELDS = 16;

/**
 * What the module says of a mirror: the fields that its columns become, the indexes that are there already, or one on the key, by
 * which apps find a row again.
 * @param before what the module says now; null where it does not have the table
 * @throws SyncError CONFIG_INVALID
 */
export function moduleOf(mirror: ResolvedMirror, before: TableRead | null, suggestions: string[] = []): TableModule {
  const { config, relation, keyColumns } = mirror;
  const columns = mirroredColumns(config, relation, { fieldName: toConvexName });
  const fields = new Map(columns.map((column) => [column.field, validatorSource(column, config.name)]));
  const keyFields = keyColumns.flatMap((name) => columns.filter((column) => column.name === name).map(({ field }) => field));
  const byKey =
    keyFields.length === keyColumns.length && keyFields.length <= MAX_INDEX_FIELDS ? [printIndex("by_key", keyFields)] : [];
  return { name: config.name, fields, indexes: before === null ? byKey : before.indexes, suggestions };
}

export function printIndex(name: string, fields: readonly string[]): string {
  return `.index("${name}", [${fields.map((field) => `"${field}"`).join(", ")}])`;
}
