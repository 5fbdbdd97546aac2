import type { Sql } from "postgres";
import type { MirroredColumn, MirroredTable } from "./mirrored-table.js";
import type { Reading } from "./value-reading.js";

/** What a configuration says of a mirror, as far as its documents depend on it. */
export interface MirrorOptions {
  relation: string;
  mirror?: string;
  /** Where the catalog names none: of a view over several tables. */
  key?: readonly string[] | null;
  /** Columns that are not mirrored. */
  without: readonly string[];
  columns?: Readonly<Record<string, { field?: string; encoding?: string }>>;
}

interface CatalogColumn {
  name: string;
  /** Of a domain, the type under it. */
  type: string;
  /** Of an array, its items' type. */
  element: string | null;
  isKey: boolean;
}

/** What a relation of the schema public looks like by now, and what its documents have to hold. */
export async function describeTable(
  sql: Sql,
  { relation, mirror = relation, key = null, without, columns = {} }: MirrorOptions,
): Promise<MirroredTable> {
  const all = await readCatalog(sql, relation);
  const mirrored = all.filter(({ name }) => !without.includes(name));
  return {
    relation,
    mirror,
    key: key ?? mirrored.filter(({ isKey }) => isKey).map(({ name }) => name),
    columns: mirrored.map(({ name, type, element }): MirroredColumn => {
      const { field = name, encoding = "default" } = columns[name] ?? {};
      return { name, field, sqlType: type, reading: readingOf(encoding, type, element) };
    }),
  };
}

/** A view has the columns of its table's key under their own names. */
async function readCatalog(sql: Sql, relation: string): Promise<CatalogColumn[]> {
  return sql<CatalogColumn[]>`
    WITH named AS (SELECT ${`public."${relation.replaceAll('"', '""')}"`}::text::regclass::oid AS oid),
         based AS (
           SELECT oid FROM named
           UNION
           SELECT d.refobjid FROM named JOIN pg_rewrite r ON r.ev_class = named.oid
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                             AND d.refclassid = 'pg_class'::regclass),
         keys AS (
           SELECT a.attname FROM based JOIN pg_index i ON i.indrelid = based.oid AND i.indisprimary
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey))
    SELECT a.attname AS name, a.attname IN (SELECT attname FROM keys) AS "isKey",
           CASE WHEN under.oid = t.oid THEN format_type(t.oid, a.atttypmod) ELSE format_type(under.oid, t.typtypmod) END AS type,
           CASE WHEN under.typcategory = 'A' THEN format_type(under.typelem, nullif(greatest(a.atttypmod, t.typtypmod), -1)) END AS element
      FROM named JOIN pg_attribute a ON a.attrelid = named.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      CROSS JOIN LATERAL (
        WITH RECURSIVE deeper AS (
          SELECT t.oid, t.typbasetype, 0 AS depth
          UNION ALL
          SELECT b.oid, b.typbasetype, depth + 1 FROM deeper JOIN pg_type b ON b.oid = deeper.typbasetype)
        SELECT b.oid, b.typcategory, b.typelem FROM deeper JOIN pg_type b USING (oid) ORDER BY depth DESC LIMIT 1) AS under
     ORDER BY a.attnum`;
}

function readingOf(encoding: string, type: string, element: string | null): Reading {
  if (encoding === "text" || encoding === "string") return "string";
  if (encoding === "int64") return "int64";
  if (encoding === "number") return "decimal";
  if (encoding === "json") return "jsonb";
  if (element !== null) return { arrayOf: readingOf("default", element, null) };
  const [, name = type, precision] = /^([^(]*)(?:\((\d+)(?:,-?\d+)?\))?/.exec(type)!;
  switch (name) {
    case "smallint":
    case "integer":
      return "decimal";
    case "numeric":
      return precision !== undefined && Number(precision) <= 15 ? "decimal" : "string";
    case "bigint":
      return "int64";
    case "real":
    case "double precision":
      return "number";
    case "boolean":
    case "date":
    case "jsonb":
      return name;
    case "bytea":
      return "bytes";
  }
  if (type.startsWith("timestamp")) return type.endsWith("with time zone") ? "timestamptz" : "timestamp";
  return "string";
}
