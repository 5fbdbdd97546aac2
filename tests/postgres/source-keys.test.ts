import { beforeAll, describe, expect, test } from "vitest";
import { TableReader } from "../../src/source/table-reader.js";
import { inspect, mirrorConfig, openReader } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { spyOnStatements } from "../support/spy-statements.js";
import { useTable } from "../support/table-fixture.js";

const byUtf8 = (a: string | null, b: string | null) =>
  Buffer.compare(Buffer.from(a ?? ""), Buffer.from(b ?? ""));

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

  /** How the key is ordered, its columns, and rows. The database's own collation is C. */
  const KINDS: [string, "bytes" | "index", string, string][] = [
    ["uuid", "bytes", "id uuid PRIMARY KEY", "SELECT md5(n::text)::uuid FROM generate_series(1, 40) n"],
    ["int", "bytes", "id int PRIMARY KEY", "SELECT n FROM generate_series(-12, 112) n"],
    ["bigint", "bytes", "id bigint PRIMARY KEY", "SELECT n * 10000000000 FROM generate_series(-5, 15) n"],
    [
      "text",
      "bytes",
      "id text PRIMARY KEY",
      String.raw`SELECT unnest(ARRAY['', ' ', 'a', 'A', 'á', 'z', 'Z', '_', '-', ',', '\', '"', '''', '{', 'NULL',
                                     chr(57344), chr(65533), '😀', '😁', 'a' || chr(1), chr(127), 'aa', 'b'])`,
    ],
    ["char(n)", "bytes", "id char(4) PRIMARY KEY", "SELECT unnest(ARRAY['a', 'ab', 'abcd', ''])"],
    [
      "numeric",
      "index",
      "id numeric PRIMARY KEY",
      "SELECT unnest(ARRAY[1.0, 2.50, -3, 1e20, 0.000001, 'NaN'])",
    ],
    [
      "float8",
      "index",
      "id float8 PRIMARY KEY",
      "SELECT unnest(ARRAY[1, 0.1::float8 + 0.2, -3, 1e300, 'Infinity', 'NaN'])",
    ],
    ["date", "bytes", "id date PRIMARY KEY", "SELECT '2024-02-28'::date + n FROM generate_series(1, 20) n"],
    [
      "timestamptz",
      "bytes",
      "id timestamptz PRIMARY KEY",
      "SELECT '2024-01-01'::timestamptz + n * interval '1 us' FROM generate_series(1, 20) n",
    ],
    [
      "interval",
      "index",
      "id interval PRIMARY KEY",
      "SELECT n * interval '1 day 1 hour' FROM generate_series(-3, 9) n",
    ],
    [
      "bytea",
      "bytes",
      "id bytea PRIMARY KEY",
      String.raw`SELECT unnest(ARRAY['\x', '\x00', '\xff5c2c', '\x61'])::bytea`,
    ],
    ["boolean", "bytes", "id boolean PRIMARY KEY", "SELECT unnest(ARRAY[true, false])"],
    ["enum", "index", "id mood PRIMARY KEY", "SELECT unnest(enum_range(NULL::mood))"],
    ["inet", "index", "id inet PRIMARY KEY", "SELECT unnest(ARRAY['10.0.0.1', '10.0.0.0/8', '::1']::inet[])"],
    ["citext", "index", "id citext PRIMARY KEY", "SELECT unnest(ARRAY['Foo', 'bar', 'Baz', 'qux'])"],
    ["a domain", "bytes", "id code PRIMARY KEY", "SELECT unnest(ARRAY['a', 'B', 'c,d'])"],
    [
      "two columns",
      "bytes",
      "p text, q int, PRIMARY KEY (p, q)",
      String.raw`SELECT p, q FROM unnest(ARRAY['', ',', '\', '\,', 'a', 'a,1', '😀', chr(57344)]) p, generate_series(9, 11) q`,
    ],
    [
      // Where commas are nothing and cases are equal; before Postgres 18 no text of it can be searched in.
      "two columns of a loose collation",
      "index",
      "p text COLLATE loose, q text COLLATE loose, PRIMARY KEY (p, q)",
      String.raw`SELECT p, q FROM unnest(ARRAY['a,b', 'É', '\x']) p, unnest(ARRAY['Foo,', 'bar']) q`,
    ],
    [
      "a loose collation",
      "index",
      "id text COLLATE loose PRIMARY KEY",
      "SELECT unnest(ARRAY['Foo', 'bár', 'Baz', 'q,x'])",
    ],
    [
      "three columns",
      "bytes",
      "p uuid, q date, r text, PRIMARY KEY (r, q, p)",
      "SELECT md5(n::text)::uuid, '2024-01-01'::date + n % 3, 'x' || n % 2 FROM generate_series(1, 20) n",
    ],
    [
      "text of a language",
      "index",
      'id text COLLATE "en-x-icu" PRIMARY KEY',
      String.raw`SELECT unnest(ARRAY['', ' ', 'a', 'A', 'á', 'z', 'Z', '_', '-', ',', '\', chr(57344), '😀', 'a' || chr(1)])`,
    ],
    [
      "text of bytes and text of a language",
      "index",
      'p text, q text COLLATE "en-x-icu", PRIMARY KEY (p, q)',
      "SELECT p, q FROM unnest(ARRAY['a', 'A,', chr(1)]) p, unnest(ARRAY['a', 'B', 'c', '']) q",
    ],
    [
      "text and varchar of a collation of bytes",
      "bytes",
      'p text COLLATE "C", q varchar COLLATE "POSIX", PRIMARY KEY (p, q)',
      String.raw`SELECT p, q FROM unnest(ARRAY['a', 'B', 'é', '', 'a!', chr(1)]) p, unnest(ARRAY['x', 'X', chr(2)]) q`,
    ],
    [
      "two columns in the index's order",
      "bytes",
      "p int, q date, PRIMARY KEY (q, p)",
      "SELECT n, '2024-01-01'::date + n % 3 FROM generate_series(-10, 10) n",
    ],
    [
      "text whose index has another collation, of bytes",
      "bytes",
      'id text COLLATE "en-x-icu" NOT NULL); CREATE UNIQUE INDEX ON $t (id COLLATE "C"',
      "SELECT unnest(ARRAY['a', 'B', 'é', 'Z', '', '_'])",
    ],
  ];

  test.each(KINDS)("%s: every way of reading gives the same keys", async (_, order, columns, rows) => {
    await run(`CREATE TABLE $t (${columns})`);
    const key = columns.includes("PRIMARY KEY") ? null : ["id"];
    await table.track(key === null ? {} : { key });
    await run(`INSERT INTO $t ${rows}`);
    const source = await inspect(table.database, mirrorConfig(table.name, { key }));
    const reader = new TableReader(table.database, source);
    const hashed = await pages((after) => reader.keyHashes(after, 3), 3);
    const keys = hashed.map(({ key }) => key);
    expect(keys.length).toBe(await reader.countRows());
    expect(new Set(keys).size).toBe(keys.length);
    expect(source.keyOrder).toBe(order);
    // Convex orders strings by their UTF-8 bytes, and the comparison walks both sides where this order is the source's.
    if (order === "bytes") expect(keys).toEqual([...keys].sort(byUtf8));

    const all = await pages(async (after) => (await reader.allKeys(after, 3)).map((key) => ({ key })), 3);
    expect(all.map(({ key }) => key)).toEqual(keys);
    expect(await reader.existing(keys)).toEqual(new Set(keys));
    expect(await reader.existing(keys.slice(0, 2))).toEqual(new Set(keys.slice(0, 2)));
    expect((await table.log()).map(({ key }) => key).sort(byUtf8)).toEqual([...keys].sort(byUtf8));

    const read = await reader.rows(keys, 1_000_000);
    expect(read.covered).toBe(keys.length);
    expect(Object.fromEntries(read.rows.map(({ key, hash }) => [key, hash]))).toEqual(
      Object.fromEntries(hashed.map(({ key, hash }) => [key, hash])),
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
      const [one, two] = ["9d3e1f84-0000-4000-8000-000000000001", "9d3e1f84-0000-4000-8000-000000000002"];
      await make("id text PRIMARY KEY", `VALUES ('${one}'), ('${two}')`);
      await run("ALTER TABLE $t ALTER id TYPE uuid USING id::uuid");
      const retyped = await openReader(table.database, table.name);
      // The second is no uuid at all, the third is one that prints otherwise.
      const asked = [one, "not one", two.toUpperCase()];
      expect(await retyped.existing(asked)).toEqual(new Set([one]));
      const found = await retyped.existing([one, two.toUpperCase()]);
      expect([found.has(one), found.has(two.toUpperCase())]).toEqual([true, false]);
      const read = await retyped.rows(asked, 1_000_000);
      expect(read).toMatchObject({ rows: [{ key: one }], covered: 3 });
    });

    test("of keys that were texts when the key was a text, and it is a number now", async () => {
      await make("id text PRIMARY KEY", "VALUES ('1'), ('2')");
      await run("ALTER TABLE $t ALTER id TYPE int USING id::int");
      const retyped = await openReader(table.database, table.name);
      expect(await retyped.existing(["1", "one", "a1", "b01", "a3"])).toEqual(new Set(["a1"]));
      const read = await retyped.rows(["1", "a1", "one", "a2", "a3"], 1_000_000);
      expect(read.covered).toBe(5);
      expect(read.rows.map(({ key }) => key).sort()).toEqual(["a1", "a2"]);
    });

    test("of keys that were recorded when the key had other columns", async () => {
      const reader = await make("p text, q int, PRIMARY KEY (p, q)", "VALUES ('a', 1)");
      const asked = ["a", "a\u0001a1x", "a\u0001a1", "a\u0001a1a1", "a1a\u0001"];
      expect(await reader.existing(asked)).toEqual(new Set(["a\u0001a1"]));
      const read = await reader.rows(asked, 1_000_000);
      expect(read).toMatchObject({ rows: [{ key: "a\u0001a1" }], covered: 5 });
      expect(await reader.existing(["a"])).toEqual(new Set());
    });
  });

  test.each([
    ["uuid", "id uuid PRIMARY KEY", "SELECT gen_random_uuid() FROM generate_series(1, 10000)"],
    ["int", "id int PRIMARY KEY", "SELECT generate_series(1, 10000)"],
    ["text", "id text PRIMARY KEY", "SELECT n::text FROM generate_series(1, 10000) n"],
    ["text of bytes", 'id text COLLATE "C" PRIMARY KEY', "SELECT n::text FROM generate_series(1, 10000) n"],
    ["varchar", "id varchar(20) PRIMARY KEY", "SELECT n::text FROM generate_series(1, 10000) n"],
    [
      "timestamptz",
      "id timestamptz PRIMARY KEY",
      "SELECT now() + n * '1 s'::interval FROM generate_series(1, 10000) n",
    ],
    ["text and int", "p text, q int, PRIMARY KEY (p, q)", "SELECT 'x', n FROM generate_series(1, 10000) n"],
    ["numeric", "id numeric PRIMARY KEY", "SELECT n FROM generate_series(1, 10000) n"],
  ])("%s: pages, rows and existence are served by the owner's index", async (_, columns, rows) => {
    const reader = await make(columns, rows);
    await run("ANALYZE $t");
    const keys = await reader.allKeys(null, 5000);
    const sent = await spyOnStatements(async () => {
      await reader.keyHashes(keys.at(-1)!, 100);
      await reader.allKeys(keys.at(-1)!, 100);
      await reader.rows(keys.slice(0, 3), 1_000_000);
      await reader.existing(keys.slice(0, 3));
    });
    expect(sent).toHaveLength(4);
    for (const { statement, parameters } of sent) {
      const plan = await table.sql.unsafe(`EXPLAIN ${statement}`, parameters, { prepare: false });
      const text = plan.map((row) => row["QUERY PLAN"] as string).join("\n");
      expect(text).toMatch(/Index.* using/);
      expect(text).not.toContain("Seq Scan");
      // The page is found in the index's order: what may be sorted is the page, and never the table.
      expect(text).not.toMatch(/Sort .*rows=5000/);
    }
  });

  test("rows are read until their values are too large to be held together", async () => {
    await table.make("id int PRIMARY KEY, wide text");
    await run("ALTER TABLE $t ALTER wide SET STORAGE EXTERNAL");
    await run("INSERT INTO $t SELECT n, repeat('x', 100000) FROM generate_series(1, 5) n");
    const reader = await openReader(table.database, table.name);
    const keys = ["not a key", "a9", "a3", "a1", "a5", "a2"];
    const read = async (maxBytes: number, of = keys) => {
      const { rows, covered } = await reader.rows(of, maxBytes);
      return [rows.map(({ key }) => key), covered];
    };
    expect(await read(1)).toEqual([["a3"], 3]); // one row, however large
    expect(await read(150_000)).toEqual([["a3", "a1"], 4]);
    expect(await read(1_000_000)).toEqual([["a3", "a1", "a5", "a2"], 6]);
    expect(await read(1, ["a9", "a1", "a8"])).toEqual([["a1"], 3]);
    // From where it ended, the rest.
    expect(await read(1, keys.slice(3))).toEqual([["a1"], 1]);
  });

  test("nothing asked for is nothing read", async () => {
    const reader = await make("id int PRIMARY KEY", "VALUES (1)");
    expect(await reader.existing([])).toEqual(new Set());
    expect(await reader.rows([], 1)).toEqual({ rows: [], covered: 0 });
    expect(await reader.rows(["a2"], 1)).toEqual({ rows: [], covered: 1 });
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
