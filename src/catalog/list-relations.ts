import type { RelationName } from "../model/config.js";
import type { Database } from "../postgres/database.js";

/** A relation that may be worth mirroring. */
export interface ListedRelation extends RelationName {
  /** As pg_class has it: r, p, v, m. */
  kind: "r" | "p" | "v" | "m";
  /** As statistics have them; null where there are none. */
  rows: number | null;
  /** Files, with indexes and values stored apart; 0 of a view. */
  bytes: number;
  hasPrimaryKey: boolean;
  /** The columns of the narrowest unique index of which none may be NULL; null where there is none. */
  uniqueKey: string[] | null;
  /** The columns of each foreign key. */
  foreignKeys: string[][];
  /** Mean bytes of each column's values, where statistics have them. */
  widths: Record<string, number>;
  /** The largest of some rows, in bytes as they are stored. Null of a view, and where there are none. */
  largestRow: number | null;
}

/** Rows that are looked at for their size. */
const SAMPLED_ROWS = 2_000;

/** The tables and views that this role may read, partitions and what extensions brought left out, by schema and name. */
export async function listRelations(database: Database): Promise<ListedRelation[]> {
  const rows = await database.execute("listing the relations", (sql) =>
    sql.unsafe<{ relation: string }[]>(LIST),
  );
  return rows.map(({ relation }) => ({
    largestRow: null,
    ...(JSON.parse(relation) as Omit<ListedRelation, "largestRow">),
  }));
}

const KEY_COLUMNS = `
  SELECT json_agg(a.attname ORDER BY k.position)
    FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
   WHERE k.position <= i.indnkeyatts`;

const LIST = `
  SELECT json_build_object(
      'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
      'rows', CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples
                   WHEN c.relkind = 'p' THEN (SELECT sum(nullif(p.reltuples, -1)) FROM pg_catalog.pg_partition_tree(c.oid) t
                                                JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE t.isleaf) END,
      'bytes', CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(pg_catalog.pg_total_relation_size(relid)), 0)
                                                 FROM pg_catalog.pg_partition_tree(c.oid))
                    WHEN c.relkind = 'v' THEN 0 ELSE pg_catalog.pg_total_relation_size(c.oid) END,
      'hasPrimaryKey', EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = c.oid AND indisprimary),
      'uniqueKey', (SELECT (${KEY_COLUMNS})
         FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND NOT EXISTS (SELECT FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
                            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                           WHERE k.position <= i.indnkeyatts AND NOT a.attnotnull AND c.relkind <> 'm')
        ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1),
      'foreignKeys', (SELECT coalesce(json_agg(columns), '[]') FROM (
         SELECT (SELECT json_agg(a.attname ORDER BY k.position)
                   FROM unnest(f.conkey) WITH ORDINALITY AS k (attnum, position)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum) AS columns
           FROM pg_catalog.pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f' ORDER BY f.conname) AS keys),
      'widths', (SELECT coalesce(json_object_agg(s.attname, s.avg_width), '{}') FROM pg_catalog.pg_stats s
                  WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND NOT s.inherited))::text AS relation
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
     AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'datahub_sync')
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   ORDER BY n.nspname, c.relname`;

/** The largest of the first rows of a table, in bytes as they are stored. */
export async function sampleLargestRow(database: Database, quoted: string): Promise<number | null> {
  const [row] = await database.execute("looking at the size of rows", (sql) =>
    sql.unsafe<{ largest: string | null }[]>(
      `SELECT max(pg_column_size(r))::text AS largest FROM (SELECT * FROM ${quoted} LIMIT ${SAMPLED_ROWS}) r`,
    ),
  );
  return row!.largest === null ? null : Number(row!.largest);
}
