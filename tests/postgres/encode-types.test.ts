import fc from "fast-check";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PgType } from "../../src/encode/types.js";
import { arrayLiteral } from "../../src/postgres/array-literal.js";
import { readTypes } from "../../src/source/read-types.js";
import { passThroughConvex } from "../support/encoding.js";
import { nastyJson } from "../support/nasty-json.js";
import { ALL_POSTGRES_VERSIONS, createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { SAMPLE_TYPES_SQL, SAMPLES } from "../support/sample-values.js";

/** What the database is set to by default here: each of them would change what values print. */
const UNHELPFUL_SETTINGS = {
  TimeZone: "America/New_York",
  DateStyle: "SQL, DMY",
  IntervalStyle: "iso_8601",
  extra_float_digits: "-15",
  bytea_output: "escape",
};

const PINNED_SETTINGS = {
  TimeZone: "UTC",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
};

/** Types of the catalog whose input functions refuse everything: no column has them. */
const WITHOUT_INPUT = [
  ...["pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "gtsvector"],
  ...["pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"],
];

describe.each(ALL_POSTGRES_VERSIONS)("on PostgreSQL %i", (version) => {
  const samples = SAMPLES.filter(({ since = 0 }) => version >= since);
  let database: TestDatabase;
  let sql: postgres.Sql;

  beforeAll(async () => {
    database = await createTestDatabase({ version });
    await database.sql.unsafe(SAMPLE_TYPES_SQL);
    const name = new URL(database.url).pathname.slice(1);
    for (const [setting, value] of Object.entries(UNHELPFUL_SETTINGS)) {
      await database.sql.unsafe(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
    }
    sql = connectForReading(database.url);
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

  it.each(samples)("$type comes back as Postgres prints it", async ({ type, texts }) => {
    const { pgType, printed } = await store(type, texts);
    for (const text of printed) {
      const { decoded } = passThroughConvex(pgType, text);
      if (decoded !== text) await expectEqualJsonb(sql, type, text, decoded!);
      expect(passThroughConvex(pgType, text, "text").decoded).toBe(text);
    }
  });

  it("covers every type that a column can have", async () => {
    const columns = samples.map(({ type }, index) => `c${index} ${type}`).join(", ");
    await database.sql.unsafe(`CREATE TABLE everything (${columns})`);
    const missing = await database.sql.unsafe<{ name: string }[]>(
      `SELECT typname AS name FROM pg_type
        WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'd', 'e', 'r', 'm')
          AND typname NOT LIKE '\\_%' -- the arrays of all others
          AND oid NOT IN (SELECT atttypid FROM pg_attribute WHERE attrelid = 'everything'::regclass)`,
    );
    expect(missing.map(({ name }) => name).filter((name) => !WITHOUT_INPUT.includes(name))).toStrictEqual([]);
    const [{ server_version: exact } = {}] = await database.sql`SHOW server_version`;
    console.info(`Types covered on PostgreSQL ${exact}: ${samples.map(({ type }) => type).join(", ")}`);
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

/** As the source is read: no parser of the driver touches a value. */
function connectForReading(url: string): postgres.Sql {
  const parsedByDriver = [16, 17, 20, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802];
  return postgres(url, {
    max: 1,
    fetch_types: false,
    onnotice: () => {},
    connection: PINNED_SETTINGS,
    types: { text: { to: 25, from: parsedByDriver, serialize: String, parse: (text: string) => text } },
  });
}

/** Only jsonb may print otherwise: the order of keys and the zeros of a number are not part of its value. */
async function expectEqualJsonb(
  sql: postgres.Sql,
  type: string,
  text: string,
  decoded: string,
): Promise<void> {
  expect(["jsonb", "jsonb[]", "document"]).toContain(type);
  const [row] = await sql.unsafe(`SELECT $1::text::${type} = $2::text::${type} AS equal`, [text, decoded]);
  expect(row, `${text} became ${decoded}`).toStrictEqual({ equal: "t" });
}
