import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { splitKey } from "../../src/source/key-text.js";
import type { TableReader } from "../../src/source/table-reader.js";
import { openReader } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { spyOnStatements } from "../support/spy-statements.js";
import { useTable } from "../support/table-fixture.js";

const byUtf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe.each(ALL_POSTGRES_VERSIONS)("keys (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run } = table;
  beforeAll(async () => {
    await run("CREATE EXTENSION citext");
    await run("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')");
    await run("CREATE DOMAIN code AS text CHECK (VALUE <> 'no')");
    await run(
      "CREATE COLLATION loose (provider = icu, locale = 'und-u-ka-shifted-ks-level2', deterministic = false)",
    );
  });

  async function make(columns: string, rows: string): Promise<TableReader> {
    await table.make(columns);
    await run(`INSERT INTO $t ${rows}`);
    return openReader(table.database, table.name);
  }

  const KINDS: [string, string, string][] = [
    ["uuid", "id uuid PRIMARY KEY", "SELECT md5(n::text)::uuid FROM generate_series(1, 40) n"],
    ["int", "id int PRIMARY KEY", "SELECT n FROM generate_series(-12, 112) n"],
    ["bigint", "id bigint PRIMARY KEY", "SELECT n * 10000000000 FROM generate_series(-5, 15) n"],
    [
      "text",
      "id text PRIMARY KEY",
      String.raw`SELECT unnest(ARRAY['', ' ', 'a', 'A', 'á', 'z', 'Z', '_', '-', ',', '\', '"', '''', '{', 'NULL',
                                     chr(57344), chr(65533), '😀', '😁', 'a' || chr(1), chr(127), 'aa', 'b'])`,
    ],
    ["char(n)", "id char(4) PRIMARY KEY", "SELECT unnest(ARRAY['a', 'ab', 'abcd', ''])"],
    ["numeric", "id numeric PRIMARY KEY", "SELECT unnest(ARRAY[1.0, 2.50, -3, 1e20, 0.000001, 'NaN'])"],
    [
      "float8",
      "id float8 PRIMARY KEY",
      "SELECT unnest(ARRAY[1, 0.1::float8 + 0.2, -3, 1e300, 'Infinity', 'NaN'])",
    ],
    ["date", "id date PRIMARY KEY", "SELECT '2024-02-28'::date + n FROM generate_series(1, 20) n"],
    [
      "timestamptz",
      "id timestamptz PRIMARY KEY",
      "SELECT '2024-01-01'::timestamptz + n * interval '1 us' FROM generate_series(1, 20) n",
    ],
    [
      "interval",
      "id interval PRIMARY KEY",
      "SELECT n * interval '1 day 1 hour' FROM generate_series(-3, 9) n",
    ],
    [
      "bytea",
      "id bytea PRIMARY KEY",
      String.raw`SELECT unnest(ARRAY['\x', '\x00', '\xff5c2c', '\x61'])::bytea`,
    ],
    ["boolean", "id boolean PRIMARY KEY", "SELECT unnest(ARRAY[true, false])"],
    ["enum", "id mood PRIMARY KEY", "SELECT unnest(enum_range(NULL::mood))"],
    ["inet", "id inet PRIMARY KEY", "SELECT unnest(ARRAY['10.0.0.1', '10.0.0.0/8', '::1']::inet[])"],
    ["citext", "id citext PRIMARY KEY", "SELECT unnest(ARRAY['Foo', 'bar', 'Baz', 'qux'])"],
    ["a domain", "id code PRIMARY KEY", "SELECT unnest(ARRAY['a', 'B', 'c,d'])"],
    [
      "two columns",
      "p text, q int, PRIMARY KEY (p, q)",
      String.raw`SELECT p, q FROM unnest(ARRAY['', ',', '\', '\,', 'a', 'a,1', '😀', chr(57344)]) p, generate_series(9, 11) q`,
    ],
    [
      // Where commas are nothing and cases are equal; before Postgres 18 no text of it can be searched in.
      "two columns of a loose collation",
      "p text COLLATE loose, q text COLLATE loose, PRIMARY KEY (p, q)",
      String.raw`SELECT p, q FROM unnest(ARRAY['a,b', 'É', '\x']) p, unnest(ARRAY['Foo,', 'bar']) q`,
    ],
    [
      "a loose collation",
      "id text COLLATE loose PRIMARY KEY",
      "SELECT unnest(ARRAY['Foo', 'bár', 'Baz', 'q,x'])",
    ],
    [
      "three columns",
      "p uuid, q date, r text, PRIMARY KEY (r, q, p)",
      "SELECT md5(n::text)::uuid, '2024-01-01'::date + n % 3, 'x' || n % 2 FROM generate_series(1, 20) n",
    ],
  ];

  test.each(KINDS)("%s: every way of reading gives the same keys", async (_, columns, rows) => {
    const reader = await make(columns, rows);
    const hashed = await pages((after) => reader.keyHashes(after, 3), 3);
    const keys = hashed.map(({ key }) => key);
    expect(keys.length).toBe(await reader.countRows());
    // Convex orders strings by their UTF-8 bytes, and the comparison walks both sides.
    expect(keys).toEqual([...keys].sort(byUtf8));
    expect(new Set(keys).size).toBe(keys.length);

    const all = await pages((after) => reader.allKeys(after, 3), 3);
    expect(all.map(({ key }) => key).sort(byUtf8)).toEqual(keys);
    expect(await reader.existing(keys)).toEqual(new Set(keys));
    expect(await reader.existing(keys.slice(0, 2))).toEqual(new Set(keys.slice(0, 2)));

    const read = await reader.rows(keys);
    expect(Object.fromEntries(read.map(({ key, hash }) => [key, hash]))).toEqual(
      Object.fromEntries(hashed.map(({ key, hash }) => [key, hash])),
    );
  });

  test("splitKey takes apart what key_expression has put together", async () => {
    await run("CREATE TABLE $t (p text, q text, r text, PRIMARY KEY (p, q, r))");
    const [row] =
      await table.sql`SELECT datahub_sync.key_expression(ARRAY['p', 'q', 'r'], 'r') AS expression`;
    const part = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom(",", "\\", "a", "😀", '"'),
          fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
        ),
      })
      .filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(part, part, part, async (p, q, r) => {
        const [found] = await table.sql.unsafe(
          `SELECT ${row!["expression"] as string} AS key FROM (SELECT $1::text AS p, $2::text AS q, $3::text AS r) r`,
          [p, q, r],
        );
        expect(splitKey(found!["key"] as string, 3)).toEqual([p, q, r]);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  describe("identity is the text, not what SQL calls equal", () => {
    test("of citext and numeric keys", async () => {
      const names = await make("id citext PRIMARY KEY", "VALUES ('foo')");
      expect(await names.existing(["Foo", "foo"])).toEqual(new Set(["foo"]));
      table.name += "_numbers";
      const numbers = await make("id numeric PRIMARY KEY", "VALUES (1.0)");
      expect(await numbers.existing(["1.00", "1.0", "1"])).toEqual(new Set(["1.0"]));
    });

    test("of keys that were recorded when the key had another type", async () => {
      await make("id text PRIMARY KEY", "VALUES ('1'), ('one')");
      await run("DELETE FROM $t WHERE id = 'one'");
      await run("ALTER TABLE $t ALTER id TYPE int USING id::int");
      const retyped = await openReader(table.database, table.name);
      expect(await retyped.existing(["1", "one", "01"])).toEqual(new Set(["1"]));
      expect(await retyped.existing(["1", "01"])).toEqual(new Set(["1"]));
      expect((await retyped.rows(["1", "one", "01"])).map(({ key }) => key)).toEqual(["1"]);
    });

    test("of keys that were recorded when the key had other columns", async () => {
      const reader = await make("p text, q int, PRIMARY KEY (p, q)", "VALUES ('a', 1)");
      expect(await reader.existing(["a", "a,1,x", "a,1"])).toEqual(new Set(["a,1"]));
      expect((await reader.rows(["a", "a,1,x", "a,1"])).map(({ key }) => key)).toEqual(["a,1"]);
      expect(await reader.existing(["a"])).toEqual(new Set());
    });
  });

  test.each([
    ["uuid", "id uuid PRIMARY KEY", "SELECT gen_random_uuid() FROM generate_series(1, 3000)"],
    ["int", "id int PRIMARY KEY", "SELECT generate_series(1, 3000)"],
    ["text", "id text PRIMARY KEY", "SELECT n::text FROM generate_series(1, 3000) n"],
    ["varchar", "id varchar(20) PRIMARY KEY", "SELECT n::text FROM generate_series(1, 3000) n"],
    ["text and int", "p text, q int, PRIMARY KEY (p, q)", "SELECT 'x', n FROM generate_series(1, 3000) n"],
  ])("%s: a page of the comparison is served by an index", async (_, columns, rows) => {
    const reader = await make(columns, rows);
    await run("ANALYZE $t");
    const [sent] = await spyOnStatements(() =>
      reader.keyHashes("00000000-0000-0000-0000-000000000000", 100).catch(() => reader.keyHashes("x,1", 100)),
    );
    const plan = await table.sql.unsafe(`EXPLAIN ${sent!.statement}`, sent!.parameters, { prepare: false });
    const text = plan.map((row) => row["QUERY PLAN"] as string).join("\n");
    expect(text).toMatch(/Index.* using/);
    expect(text).not.toContain("Seq Scan");
  });

  test("nothing asked for is nothing read", async () => {
    const reader = await make("id int PRIMARY KEY", "VALUES (1)");
    expect(await reader.existing([])).toEqual(new Set());
    expect(await reader.rows([])).toEqual([]);
    expect(await reader.rows(["2"])).toEqual([]);
  });
});

async function pages<T extends { key: string }>(
  read: (after: string | null) => Promise<T[]>,
  limit: number,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | null = null;
  for (;;) {
    const page: T[] = await read(after);
    all.push(...page);
    if (page.length < limit) return all;
    after = page.at(-1)!.key;
  }
}
