import fc from "fast-check";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PgType } from "../../src/model/encoding.js";
import { arrayLiteral } from "../../src/postgres/array-literal.js";
import { readTypes } from "../support/read-types.js";
import { passThroughConvex } from "../support/encoding.js";
import { nastyJson } from "../support/nasty-json.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { connectForReading } from "../support/read-texts.js";
import { createSampleTypes, hasArrayType, listArrays } from "../support/sample-types.js";
import { SAMPLES_BY_KIND } from "../support/sample-values.js";
import type { Samples } from "../support/samples.js";

/** What the database is set to by default here: each of them would change what values print. */
const UNHELPFUL_SETTINGS = {
  TimeZone: "America/New_York",
  DateStyle: "SQL, DMY",
  IntervalStyle: "iso_8601",
  extra_float_digits: "-15",
  bytea_output: "escape",
};

/** Types for indexes and statistics: no column holds a value of theirs, for their input functions refuse every text. */
const WITHOUT_INPUT = [
  "ghstore",
  "gtsvector",
  "intbig_gkey",
  "ltree_gist",
  "pg_brin_bloom_summary",
  "pg_brin_minmax_multi_summary",
  "pg_dependencies",
  "pg_mcv_list",
  "pg_ndistinct",
  "pg_node_tree",
];

/** What ran, for the list that the file prints when it is done. */
const covered: Coverage[] = [];
afterAll(() => console.info(describeCoverage(covered)));

describe.each(ALL_POSTGRES_VERSIONS)("on PostgreSQL %i", (version) => {
  let samples: Samples[];
  let database: MigratedDatabase;
  let sql: Sql;

  beforeAll(async () => {
    database = await createMigratedDatabase({ version });
    const made = await createSampleTypes(database.sql, version);
    samples = made.samples;
    const name = new URL(database.url).pathname.slice(1);
    for (const [setting, value] of Object.entries(UNHELPFUL_SETTINGS)) {
      await database.sql.unsafe(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
    }
    sql = connectForReading(database);
    const [{ server_version: exact } = {}] = await database.sql<{ server_version: string }[]>`
      SHOW server_version`;
    covered.push({ version: exact!, samples, missing: made.missing });
  });
  afterAll(async () => {
    await sql.end();
    await database.drop();
  });

  /** What Postgres prints for texts of a type, and the type, as a relation shows them. */
  async function store(
    type: string,
    texts: readonly string[],
  ): Promise<{ pgType: PgType; printed: string[] }> {
    const literals = texts.map((text) => `('${text.replaceAll("'", "''")}')`);
    await database.sql.unsafe(`DROP TABLE IF EXISTS samples; CREATE TABLE samples (n serial, value ${type})`);
    await database.sql.unsafe(
      `SET standard_conforming_strings = on; INSERT INTO samples (value) VALUES ${literals.join(", ")}`,
    );
    const [column] = await database.sql.unsafe<{ oid: string; typmod: number; display: string }[]>(
      `SELECT atttypid::text AS oid, atttypmod AS typmod, format_type(atttypid, atttypmod) AS display
         FROM pg_attribute WHERE attrelid = 'samples'::regclass AND attname = 'value'`,
    );
    const resolveType = await readTypes(database.sql, [column!.oid]);
    const rows = await sql.unsafe("SELECT value FROM samples ORDER BY n").values();
    return { pgType: resolveType(column!, column!.display), printed: rows.map(([text]) => text as string) };
  }

  async function expectBack(type: string, texts: readonly string[]): Promise<string[]> {
    const { pgType, printed } = await store(type, texts);
    for (const text of printed) {
      const { decoded } = passThroughConvex(pgType, text);
      if (decoded !== text) await expectEqualJsonb(sql, type, text, decoded!);
      expect(passThroughConvex(pgType, text, "text").decoded).toBe(text);
    }
    return printed;
  }

  it.each(Object.keys(SAMPLES_BY_KIND))(
    "%s, and arrays of them, come back as Postgres prints them",
    async (kind) => {
      const ofKind = samples.filter((sample) => SAMPLES_BY_KIND[kind]!.includes(sample));
      expect(ofKind.length).toBeGreaterThan(0);
      for (const sample of ofKind) {
        const printed = await expectBack(sample.type, sample.texts);
        if (hasArrayType(sample)) await expectBack(`${sample.type}[]`, listArrays(sample, printed));
      }
    },
  );

  it("these are all types that a column can have", async () => {
    const columns = samples.flatMap((sample, index) => [
      `c${index} ${sample.type}`,
      ...(hasArrayType(sample) ? [`a${index} ${sample.type}[]`] : []),
    ]);
    await database.sql.unsafe(`CREATE TABLE everything (${columns.join(", ")})`);
    // All types but the row types of tables, which are composites, and the pseudo-types and their arrays.
    const missing = await database.sql.unsafe<{ name: string }[]>(
      `SELECT typname AS name FROM pg_type t
        WHERE typnamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)
          AND typtype NOT IN ('c', 'p')
          AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid AND e.typtype IN ('c', 'p'))
          AND oid NOT IN (SELECT atttypid FROM pg_attribute WHERE attrelid = 'everything'::regclass)
        ORDER BY 1`,
    );
    const arrays = WITHOUT_INPUT.map((name) => `_${name}`);
    const unnamed = missing.map(({ name }) => name).filter((name) => !arrays.includes(name));
    expect(unnamed.filter((name) => !WITHOUT_INPUT.includes(name))).toStrictEqual([]);
  });

  it("the others are types that no column can have", async () => {
    const withoutInput = await database.sql<{ name: string }[]>`
      SELECT typname AS name FROM pg_type WHERE typname = ANY (${WITHOUT_INPUT})`;
    expect(withoutInput.length).toBeGreaterThan(6);
    for (const { name } of withoutInput) {
      // "Cannot accept a value"; in an older extension "not implemented", an internal error.
      const code = expect.stringMatching(/^(0A|XX)000$/) as string;
      await expect(database.sql.unsafe(`SELECT ''::${name}`), name).rejects.toMatchObject({ code });
    }
    const pseudo = await database.sql<{ name: string }[]>`
      SELECT format_type(oid, NULL) AS name FROM pg_type WHERE typtype = 'p'`;
    expect(pseudo.length).toBeGreaterThan(20);
    for (const { name } of pseudo) {
      const create = database.sql.unsafe(`CREATE TABLE pseudo (c ${name})`);
      await expect(create, name).rejects.toMatchObject({ code: "42P16" }); // column has pseudo-type
    }
  });

  it("any double precision", async () => {
    const powersOfTwo = Array.from({ length: 2046 }, (_, exponent) => 2 ** (exponent - 1022));
    const random = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), 5_000);
    const large = fc.sample(fc.bigInt({ min: 0n, max: 2n ** 70n }), 5_000).map(Number);
    const { pgType, printed } = await store(
      "double precision",
      [...powersOfTwo, ...random, ...large].map(String),
    );
    for (const text of printed) expect(passThroughConvex(pgType, text).decoded).toBe(text);
  });

  it("any real", async () => {
    const random = fc.sample(fc.float({ noNaN: true, noDefaultInfinity: true }), 5_000);
    const large = fc.sample(fc.bigInt({ min: 0n, max: 2n ** 70n }), 5_000).map(Number);
    const { pgType, printed } = await store("real", [...random.map(String), ...large.map(String)]);
    for (const text of printed) expect(passThroughConvex(pgType, text).decoded).toBe(text);
  });

  it("any timestamptz", async () => {
    const microseconds = fc.bigInt({ min: -211_813_488_000_000_000n, max: 9_223_371_331_199_999_999n });
    const near = fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n });
    const random = [...fc.sample(microseconds, 1_000), ...fc.sample(near, 1_000)];
    const rows = await sql
      .unsafe(
        `SELECT timestamptz '2000-01-01 00:00+00' + us / 1000000 * interval '1 s' + us % 1000000 * interval '1 us'
           FROM unnest('{${random.join(",")}}'::bigint[]) us`,
      )
      .values();
    const { pgType } = await store("timestamptz", ["now"]);
    for (const [text] of rows) expect(passThroughConvex(pgType, text as string).decoded).toBe(text);
  });

  it("any jsonb", async () => {
    // jsonb holds no NUL character.
    const texts = fc.sample(nastyJson, 1_000).map((text) => text.replaceAll("\\u0000", "\\u0001"));
    const { pgType, printed } = await store("jsonb", texts);
    const decoded = printed.map((text) => passThroughConvex(pgType, text).decoded!);
    const rows = await sql<{ n: string }[]>`
      SELECT n FROM unnest(${arrayLiteral(printed)}::text::text[], ${arrayLiteral(decoded)}::text::text[])
                    WITH ORDINALITY AS both_texts (printed, decoded, n)
       WHERE printed::jsonb IS DISTINCT FROM decoded::jsonb`;
    expect(rows.map(({ n }) => texts[Number(n) - 1])).toStrictEqual([]);
  });
});

interface Coverage {
  /** As the server calls itself. */
  version: string;
  samples: readonly Samples[];
  missing: readonly string[];
}

function describeCoverage(versions: readonly Coverage[]): string {
  const names = versions.map(({ version }) => version).join(" and ");
  const everywhere = (sample: Samples) => versions.every(({ samples }) => samples.includes(sample));
  const lines = Object.entries(SAMPLES_BY_KIND).map(([kind, samples]) => {
    return wrap(kind, [
      ...new Set(samples.filter(everywhere).map(({ type, note }) => (note ? `${type} (${note})` : type))),
    ]);
  });
  const some = versions.flatMap(({ version, samples }) => {
    const types = samples.filter((sample) => !everywhere(sample));
    return types.length === 0
      ? []
      : wrap(
          `only ${version}`,
          types.map(({ type, texts }) => `${type} ${texts.join()}`),
        );
  });
  const leftOut = versions.flatMap(({ version, missing }) =>
    missing.map((extension) => `${extension} on ${version}, whose server does not bring it`),
  );
  return [
    `Types that come back as PostgreSQL ${names} print them:`,
    ...lines,
    ...some,
    wrap("all of them", ["also as arrays: empty", "with NULL", "of 2 and 3 dimensions", "with other bounds"]),
    wrap("no column has", ["pseudo-types", ...WITHOUT_INPUT]),
    wrap("left out", leftOut.length === 0 ? ["nothing"] : leftOut),
  ].join("\n");
}

/** A heading and a list, in lines of a terminal's width. */
function wrap(heading: string, items: readonly string[]): string {
  const indent = 22;
  const lines = [`  ${heading}`.padEnd(indent)];
  for (const [index, item] of items.entries()) {
    const word = index === items.length - 1 ? item : `${item}, `;
    if (lines.at(-1)!.length + word.length > 110) lines.push(" ".repeat(indent));
    lines[lines.length - 1] += word;
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** Only jsonb may print otherwise: the order of keys and the zeros of a number are not part of its value. */
async function expectEqualJsonb(sql: Sql, type: string, text: string, decoded: string): Promise<void> {
  expect(type).toMatch(/^(jsonb|documents?)(\[\])?$/);
  const [row] = await sql.unsafe(`SELECT $1::text::${type} = $2::text::${type} AS equal`, [text, decoded]);
  expect(row, `${text} became ${decoded}`).toStrictEqual({ equal: "t" });
}
