import type { Sql } from "postgres";
import { compareJson, describe } from "./json.js";

/** What the sync keeps out of the documents: a column that always changes. */
const NOT_MIRRORED = ["sync_timestamp"];

/** A column of a source table: how to read it, and what a document has to hold for what was read. */
export interface Column {
  name: string;
  /** An SQL expression of type text. */
  text: string;
  compare: Compare;
}

/** Compares a value that is not NULL. `difference` never holds the value. */
type Compare = (expected: string, actual: unknown) => { values: number; difference: string | null };

/** The mirrored columns of a table as the catalog has them now, `id` among them. */
export async function readColumns(sql: Sql, table: string): Promise<Column[]> {
  const rows = await sql<{ name: string; type: string; precision: number | null }[]>`
    SELECT column_name AS name, data_type AS type, numeric_precision::int AS precision
      FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = ${table} AND column_name <> ALL (${NOT_MIRRORED})
     ORDER BY ordinal_position`;
  return rows.map(({ name, type, precision }) => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    return { name, ...expectation(type, precision, quoted) };
  });
}

/** What each type of the source tables becomes. A type that is not listed is not passed over: it is an error. */
function expectation(type: string, precision: number | null, column: string): Omit<Column, "name"> {
  switch (type) {
    case "uuid":
    case "text":
    case "character varying":
      return { text: `${column}::text`, compare: exactly((text) => text) };
    case "integer":
      return { text: `${column}::text`, compare: exactly(Number) };
    case "numeric":
      if (precision === null || precision > 15) break; // a double would not hold it
      return { text: `${column}::text`, compare: exactly(Number) };
    case "boolean":
      return { text: `${column}::text`, compare: exactly((text) => text === "true") };
    case "date":
      return { text: printTime(column, "YYYY-MM-DD"), compare: exactly((text) => text) };
    case "timestamp without time zone":
      return { text: printTime(column, 'YYYY-MM-DD"T"HH24:MI:SS.US'), compare: exactly((text) => text) };
    case "jsonb":
      return { text: `${column}::text`, compare: compareJson };
  }
  throw new Error(`The comparison does not know what ${type} (precision ${precision}) becomes in Convex.`);
}

/** Years 1 to 9999, and the infinities. */
function printTime(column: string, format: string): string {
  return `CASE WHEN isfinite(${column}) THEN to_char(${column}, '${format}') ELSE ${column}::text END`;
}

function exactly(read: (text: string) => string | number | boolean): Compare {
  return (text, actual) => {
    const expected = read(text);
    return { values: 1, difference: Object.is(expected, actual) ? null : describe(expected, actual) };
  };
}
