import type { Sql } from "../../src/postgres/database.js";
import { arrayLiteral } from "../../src/postgres/array-literal.js";
import { PINNED_CATALOG } from "../../src/catalog/pinned-catalog.js";
import { typeResolver, type ResolveType, type TypeFact } from "../../src/catalog/read-types.js";
import { TYPE } from "../../src/catalog/type-sql.js";

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
