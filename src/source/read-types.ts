import type { PgType } from "../encode/types.js";
import type { Sql } from "../postgres/database.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { PINNED_CATALOG } from "./pinned-catalog.js";

interface TypeRow {
  oid: string;
  schema: string;
  name: string;
  kind: string;
  element: string;
  delimiter: string;
  base: string;
  base_typmod: string;
  subtype: string;
  attributes: string | null;
  labels: string | null;
}

const KINDS: Record<string, PgType["kind"]> = {
  b: "base",
  e: "enum",
  d: "domain",
  c: "composite",
  r: "range",
  m: "multirange",
};

/** A type and its modifier: `numeric(10,8)` is type 1700 with modifier 655372. */
export interface TypeReference {
  oid: string;
  typmod: number;
}

export type ResolveType = (reference: TypeReference, display: string) => PgType;

/** Loads the named types and everything that they are made of, one statement for each level of nesting. */
export async function readTypes(sql: Sql, oids: readonly string[]): Promise<ResolveType> {
  const rows = new Map<string, TypeRow>();
  let wanted = [...new Set(oids)];
  while (wanted.length > 0) {
    const found = await sql.unsafe<TypeRow[]>(TYPES_SQL, [arrayLiteral(wanted)]);
    for (const row of found) rows.set(row.oid, row);
    wanted = [...new Set(found.flatMap(referredOids))].filter((oid) => !rows.has(oid));
  }
  return (reference, display) => build(rows, reference, display);
}

const TYPES_SQL = `
  SELECT t.oid::text, n.nspname::text AS schema, t.typname::text AS name, t.typtype::text AS kind,
         CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END::text AS element,
         t.typdelim::text AS delimiter,
         t.typbasetype::text AS base, t.typtypmod::text AS base_typmod,
         coalesce((SELECT rngsubtype FROM pg_catalog.pg_range WHERE t.oid IN (rngtypid, rngmultitypid)), 0)::text AS subtype,
         (SELECT json_agg(json_build_object('name', attname, 'oid', atttypid::text, 'typmod', atttypmod,
                                            'display', format_type(atttypid, atttypmod)) ORDER BY attnum)
            FROM pg_catalog.pg_attribute
           WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped)::text AS attributes,
         (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid)::text AS labels
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE ${PINNED_CATALOG} AND t.oid = ANY ($1::text::oid[])`;

interface AttributeRow extends TypeReference {
  name: string;
  display: string;
}

function attributesOf(row: TypeRow): AttributeRow[] {
  return row.attributes === null ? [] : (JSON.parse(row.attributes) as AttributeRow[]);
}

function referredOids(row: TypeRow): string[] {
  return [row.element, row.base, row.subtype, ...attributesOf(row).map((attribute) => attribute.oid)].filter(
    (oid) => oid !== "0",
  );
}

function build(rows: Map<string, TypeRow>, { oid, typmod }: TypeReference, display: string): PgType {
  const row = rows.get(oid);
  if (!row) throw new Error(`Type ${oid} is not in the catalog.`);
  const baseTypmod = Number(row.base_typmod);
  return {
    oid: Number(oid),
    schema: row.schema,
    name: row.name,
    display,
    kind: KINDS[row.kind] ?? "base",
    numeric: row.schema === "pg_catalog" && row.name === "numeric" ? numericModifier(typmod) : null,
    element:
      row.element === "0" ? null : build(rows, { oid: row.element, typmod }, display.replace(/\[\]$/, "")),
    delimiter: row.delimiter,
    base:
      row.base === "0" ? null : build(rows, { oid: row.base, typmod: baseTypmod }, nameOf(rows, row.base)),
    subtype:
      row.subtype === "0" ? null : build(rows, { oid: row.subtype, typmod: -1 }, nameOf(rows, row.subtype)),
    attributes: row.attributes
      ? attributesOf(row).map((attribute) => ({
          name: attribute.name,
          type: build(rows, attribute, attribute.display),
        }))
      : null,
    labels: row.labels === null ? null : (JSON.parse(row.labels) as string[]),
  };
}

function nameOf(rows: Map<string, TypeRow>, oid: string): string {
  return rows.get(oid)?.name ?? oid;
}

/** numeric's modifier: precision in the high 16 bits, scale in the low 11, signed since Postgres 15, offset by 4. */
function numericModifier(typmod: number): PgType["numeric"] {
  if (typmod < 4) return null;
  const packed = typmod - 4;
  return { precision: packed >> 16, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}
