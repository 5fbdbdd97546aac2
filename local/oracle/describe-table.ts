import type { Sql } from "postgres";
import { quoteName, type MirroredColumn, type MirroredTable } from "./mirrored-table.js";
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
  /** In the primary key; null: it is not part of it. */
  keyPlace: number | null;
  isComposite: boolean;
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
    key: key ?? primaryKey(mirrored),
    columns: mirrored.map(({ name, type, element, isComposite }): MirroredColumn => {
      const { field = name, encoding = "default" } = columns[name] ?? {};
      return { name, field, sqlType: type, reading: readingOf(encoding, type, element), asText: isComposite };
    }),
  };
}

function primaryKey(columns: readonly CatalogColumn[]): string[] {
  const ofKey = columns.filter(({ keyPlace }) => keyPlace !== null);
  return ofKey.sort((a, b) => a.keyPlace! - b.keyPlace!).map(({ name }) => name);
}

/** A view has the columns of its table's key under their own names, however many views are between them. */
async function readCatalog(sql: Sql, relation: string): Promise<CatalogColumn[]> {
  return sql<CatalogColumn[]>`
    WITH RECURSIVE
         named AS (SELECT ${`public.${quoteName(relation)}`}::text::regclass::oid AS oid),
         based AS (
           SELECT oid FROM named
           UNION
           SELECT d.refobjid FROM based JOIN pg_rewrite r ON r.ev_class = based.oid
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                             AND d.refclassid = 'pg_class'::regclass),
         keys AS (
           SELECT a.attname, array_position(i.indkey::int2[], a.attnum) AS place
             FROM based JOIN pg_index i ON i.indrelid = based.oid AND i.indisprimary
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey))
    SELECT a.attname AS name, (SELECT min(place) FROM keys WHERE keys.attname = a.attname) AS "keyPlace",
           CASE WHEN under.oid = t.oid THEN format_type(t.oid, a.atttypmod) ELSE format_type(under.oid, t.typtypmod) END AS type,
           CASE WHEN under.typcategory = 'A' THEN format_type(under.typelem, nullif(greatest(a.atttypmod, t.typtypmod), -1)) END AS element,
           coalesce(nullif(item.typtype, 'b'), under.typtype) = 'c' AS "isComposite"
      FROM named JOIN pg_attribute a ON a.attrelid = named.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      CROSS JOIN LATERAL (
        WITH RECURSIVE deeper AS (
          SELECT t.oid, t.typbasetype, 0 AS depth
          UNION ALL
          SELECT b.oid, b.typbasetype, depth + 1 FROM deeper JOIN pg_type b ON b.oid = deeper.typbasetype)
        SELECT b.oid, b.typcategory, b.typelem, b.typtype FROM deeper JOIN pg_type b USING (oid)
         ORDER BY depth DESC LIMIT 1) AS under
      LEFT JOIN pg_type item ON item.oid = under.typelem
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
