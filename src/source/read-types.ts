import type { PgType } from "../encode/types.js";
import type { Sql } from "../postgres/database.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { PINNED_CATALOG } from "./pinned-catalog.js";
import { TYPE } from "./type-sql.js";

interface AttributeFact extends TypeReference {
  name: string;
  display: string;
}

/** A type as `TYPE` of type-sql.ts writes it. */
export interface TypeFact {
  oid: string;
  schema: string;
  name: string;
  kind: string;
  element: string;
  delimiter: string;
  base: string;
  baseTypmod: number;
  subtype: string;
  attributes: AttributeFact[] | null;
  labels: string[] | null;
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

/** @param facts of the types that will be asked for, and of everything that they are made of */
export function typeResolver(facts: readonly TypeFact[]): ResolveType {
  const rows = new Map(facts.map((fact) => [fact.oid, fact]));
  return (reference, display) => build(rows, reference, display);
}

/** Loads the named types and everything that they are made of, one statement for each level of nesting. */
export async function readTypes(sql: Sql, oids: readonly string[]): Promise<ResolveType> {
  const rows = new Map<string, TypeFact>();
  let wanted = [...new Set(oids)];
  while (wanted.length > 0) {
    const found = await sql.unsafe<{ fact: string }[]>(TYPES_SQL, [arrayLiteral(wanted)]);
    const facts = found.map(({ fact }) => JSON.parse(fact) as TypeFact);
    for (const fact of facts) rows.set(fact.oid, fact);
    wanted = [...new Set(facts.flatMap(referredOids))].filter((oid) => !rows.has(oid));
  }
  return typeResolver([...rows.values()]);
}

const TYPES_SQL = `
  SELECT ${TYPE}::text AS fact
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE ${PINNED_CATALOG} AND t.oid = ANY ($1::text::oid[])`;

function referredOids({ element, base, subtype, attributes }: TypeFact): string[] {
  const parts = [element, base, subtype, ...(attributes ?? []).map((attribute) => attribute.oid)];
  return parts.filter((oid) => oid !== "0");
}

function build(rows: Map<string, TypeFact>, { oid, typmod }: TypeReference, display: string): PgType {
  const row = rows.get(oid);
  if (!row) throw new Error(`Type ${oid} is not in the catalog.`);
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
      row.base === "0"
        ? null
        : build(rows, { oid: row.base, typmod: row.baseTypmod }, nameOf(rows, row.base)),
    subtype:
      row.subtype === "0" ? null : build(rows, { oid: row.subtype, typmod: -1 }, nameOf(rows, row.subtype)),
    attributes:
      row.attributes?.map((attribute) => ({
        name: attribute.name,
        type: build(rows, attribute, attribute.display),
      })) ?? null,
    labels: row.labels,
  };
}

function nameOf(rows: Map<string, TypeFact>, oid: string): string {
  return rows.get(oid)?.name ?? oid;
}

/** numeric's modifier: precision in the high 16 bits, scale in the low 11, signed since Postgres 15, offset by 4. */
function numericModifier(typmod: number): PgType["numeric"] {
  if (typmod < 4) return null;
  const packed = typmod - 4;
  return { precision: packed >> 16, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}
