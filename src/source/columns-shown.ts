import type { Sql } from "../postgres/database.js";
import { readColumnsUsed } from "./read-relation.js";
import type { ResolvedMirror } from "./resolved-mirror.js";

/**
 * The base table's columns whose content a mirror shows: tracking has to compare these. A column that a view shows
 * under another name, or reads in its condition, counts.
 */
export async function columnsShown(
  sql: Sql,
  { config, relation, base, tracking }: ResolvedMirror,
): Promise<string[]> {
  const left = new Set([...config.ignore, ...config.exclude, "sync_xid"]);
  if (tracking?.addedUpdatedAt) left.add("updated_at");
  if (relation.kind !== "view") {
    return base.columns.map((column) => column.name).filter((name) => !left.has(name));
  }
  const named = new Set(relation.columns.map((column) => column.name));
  const used = await readColumnsUsed(sql, relation.oid, base.oid);
  return [...used].filter((name) => !(left.has(name) && named.has(name)));
}
