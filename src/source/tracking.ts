import type { RelationName } from "../config/types.js";
import type { Sql } from "../postgres/database.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Tracking } from "./mirror-source.js";

interface TrackingRow {
  id: number;
  generation: number;
  key_columns: string;
  ignored_columns: string;
  added_updated_at: string;
  same_table: string;
  same_columns: string;
  same_triggers: string;
  files: string;
  indexed: string;
}

export interface TrackingRecord extends Tracking {
  keyColumns: string[];
  ignoredColumns: string[];
  /** Whether `updated_at` is ours, and therefore not mirrored. */
  addedUpdatedAt: boolean;
}

/**
 * What is recorded of a base table, compared with the catalog. A table that was dropped and recreated, a trigger
 * that was dropped or disabled, a column that came or went: each means that changes may have gone unmarked.
 */
export async function readTracking(
  sql: Sql,
  base: RelationName & { oid: string },
): Promise<TrackingRecord | null> {
  const [row] = await sql.unsafe<TrackingRow[]>(
    `SELECT id, generation, to_json(key_columns)::text AS key_columns,
            to_json(ignored_columns)::text AS ignored_columns, added_updated_at::text,
            (relation_oid = $3::text::oid)::text AS same_table,
            (columns = datahub_sync.describe_columns($3::text::oid::regclass))::text AS same_columns,
            (triggers = datahub_sync.describe_triggers($3::text::oid::regclass))::text AS same_triggers,
            (SELECT md5(string_agg(oid || ':' || relfilenode, ',' ORDER BY oid)) FROM pg_catalog.pg_class
              WHERE oid = $3::text::oid OR oid IN (SELECT relid FROM pg_partition_tree($3::text::oid::regclass))) AS files,
            (NOT datahub_sync.lacks_index($3::text::oid::regclass, key_columns))::text AS indexed
       FROM datahub_sync.tracked_tables WHERE schema_name = $1 AND table_name = $2`,
    [base.schema, base.name, base.oid],
  );
  if (!row) return null;
  return {
    id: Number(row.id),
    generation: Number(row.generation),
    keyColumns: JSON.parse(row.key_columns) as string[],
    ignoredColumns: JSON.parse(row.ignored_columns) as string[],
    addedUpdatedAt: row.added_updated_at === "true",
    files: row.files,
    indexed: row.indexed === "true",
    problem: describeProblem(row),
  };
}

function describeProblem(row: TrackingRow): string | null {
  if (row.same_table !== "true") return "the table was dropped and created again since it was tracked";
  if (row.same_columns !== "true") return "its columns are not those that were tracked";
  if (row.same_triggers !== "true")
    return "a tracking trigger or its function was dropped, disabled or changed";
  return null;
}

/** Calls `track`, which does nothing where the table is tracked as asked. Needs the table's owner. */
export async function trackTable(
  sql: Sql,
  base: RelationName & { oid: string },
  keyColumns: readonly string[] | null,
  ignoredColumns: readonly string[],
): Promise<void> {
  // The lock time-out holds for this statement's own transaction; 55P03 says to try again.
  await sql.unsafe(
    `SELECT datahub_sync.track($1::text::oid::regclass, $2::text::text[], $3::text::text[])
      WHERE (SELECT set_config('lock_timeout', '5s', true)) IS NOT NULL`,
    [base.oid, keyColumns === null ? null : arrayLiteral(keyColumns), arrayLiteral(ignoredColumns)],
  );
}

/** Calls `untrack`; false where the table was not tracked. */
export async function untrackTable(sql: Sql, oid: string): Promise<boolean> {
  const [row] = await sql.unsafe<{ removed: string }[]>(
    `SELECT datahub_sync.untrack($1::text::oid::regclass)::text AS removed
      WHERE (SELECT set_config('lock_timeout', '5s', true)) IS NOT NULL`,
    [oid],
  );
  return row?.removed === "true";
}
