import type { Sql } from "../postgres/database.js";
import type { RelationColumn } from "./read-relation.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import { columnsRead, parseRules } from "./view-columns.js";

/**
 * The base table's columns whose content a mirror shows: tracking has to compare these. A column that a view shows
 * under another name, or reads in its condition, counts, and so does one that a generated column is computed from: a
 * virtual one has no value when the trigger compares.
 */
export async function columnsShown(sql: Sql, mirror: ResolvedMirror): Promise<string[]> {
  const { config, relation, base } = mirror;
  const left = new Set([...config.ignore, ...config.exclude]);
  const mirrored = relation.columns.filter((column) => !left.has(column.name));
  const shown = new Set(columnsOfBase(mirror, mirrored).map((column) => column.name));
  for (const { generated, input } of await readGenerationInputs(sql, base.oid)) {
    if (shown.has(generated)) shown.add(input);
  }
  return [...shown];
}

/** The base's columns that these columns of the relation are read from. */
function columnsOfBase(
  { relation, base, viewTrees }: ResolvedMirror,
  columns: RelationColumn[],
): RelationColumn[] {
  if (relation.kind !== "view") return columns;
  const read = columnsRead(
    parseRules(viewTrees),
    columns.map((column) => column.number),
  );
  return read === "all" ? base.columns : base.columns.filter((column) => read.has(column.number));
}

/**
 * A partition may compute its column otherwise than the partitioned table does. Up to Postgres 14 the column depends on
 * the others, from 15 on its expression does.
 */
async function readGenerationInputs(sql: Sql, oid: string): Promise<{ generated: string; input: string }[]> {
  return sql.unsafe(
    `SELECT DISTINCT g.attname::text AS generated, i.attname::text AS input
       FROM pg_catalog.pg_attrdef e
       JOIN pg_catalog.pg_attribute g ON g.attrelid = e.adrelid AND g.attnum = e.adnum AND g.attgenerated <> ''
       JOIN pg_catalog.pg_depend d ON (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
                       OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = e.adrelid AND d.objsubid = e.adnum)
                       AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = e.adrelid
       JOIN pg_catalog.pg_attribute i ON i.attrelid = d.refobjid AND i.attnum = d.refobjsubid AND i.attnum <> g.attnum
      WHERE e.adrelid = $1::text::oid
         OR e.adrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::text::oid::regclass))`,
    [oid],
  );
}
