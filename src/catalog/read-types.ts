import type { PgType } from "../model/encoding.js";

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
