import type { Sql } from "postgres";
import { SAMPLES } from "./sample-values.js";
import { EXTENSIONS, type Extension, type Samples } from "./samples.js";

/** The types of users: enums, composites, ranges and domains, one over the other. */
const USER_TYPES_SQL = `
  CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s "ok", {ok}', 'ünï');
  CREATE TYPE pair AS (a int, b text, c timestamptz, d float8);
  CREATE TYPE nest AS (pair pair, texts text[], document jsonb, raw json, moods mood[]);
  CREATE TYPE floatrange AS RANGE (subtype = float8);
  CREATE TYPE textrange AS RANGE (subtype = text, collation = "C", multirange_type_name = texts);
  CREATE DOMAIN score AS numeric(5,2) CHECK (VALUE > -100);
  CREATE DOMAIN high_score AS score;
  CREATE DOMAIN required AS int8 NOT NULL;
  CREATE DOMAIN labels AS text[];
  CREATE DOMAIN grid AS int[] CHECK (array_ndims(VALUE) = 2);
  CREATE DOMAIN document AS jsonb;
  CREATE DOMAIN documents AS jsonb[];
  CREATE DOMAIN moment AS timestamptz(3);
  CREATE DOMAIN feeling AS mood;
  CREATE DOMAIN whole_pair AS pair CHECK ((VALUE).a IS NOT NULL);
  CREATE DOMAIN span AS tstzrange;
  CREATE DOMAIN spans AS tstzmultirange;
  CREATE DOMAIN raw_bytes AS bytea;
`;

/** Makes the types of the samples in an empty database. */
export async function createSampleTypes(
  sql: Sql,
  version: number,
): Promise<{ samples: Samples[]; missing: Extension[] }> {
  const rows = await sql<{ name: Extension }[]>`SELECT name FROM pg_available_extensions`;
  const available = new Set(rows.map(({ name }) => name));
  for (const extension of EXTENSIONS) {
    if (available.has(extension)) await sql.unsafe(`CREATE EXTENSION ${extension}`);
  }
  await sql.unsafe(USER_TYPES_SQL);
  return {
    samples: SAMPLES.filter(
      ({ since = 0, extension }) => version >= since && (extension === undefined || available.has(extension)),
    ),
    missing: EXTENSIONS.filter((extension) => !available.has(extension)),
  };
}

/** Whether an array of a sample's type is a type of its own: an array of arrays is an array of more dimensions. */
export function hasArrayType({ type }: Samples): boolean {
  return !type.endsWith("[]");
}

/**
 * Arrays of some elements, as literals: empty, of all, with NULLs, of two and three dimensions, with other lower
 * bounds.
 * @param elements what Postgres prints for each
 */
export function listArrays({ type, notNull }: Samples, elements: readonly string[]): string[] {
  const delimiter = type === "box" ? ";" : ",";
  const list = (items: readonly string[]) => `{${items.join(delimiter)}}`;
  const quoted = elements.map(quoteElement);
  const first = quoted[0]!;
  const last = quoted.at(-1)!;
  const none = notNull ? first : "NULL";
  return [
    "{}",
    list(quoted),
    list([none, first, none]),
    list([list([first, none]), list([last, first])]),
    list([list([list([last])])]),
    `[0:1]=${list([first, last])}`,
    `[-3:-3][2:3]=${list([list([none, last])])}`,
  ];
}

export function quoteElement(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
