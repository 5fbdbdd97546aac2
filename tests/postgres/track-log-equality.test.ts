import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";

/** Values that SQL calls equal, or cannot compare, and that print differently. */
const TRAPS = [
  ["numeric", "1.0", "1.00"],
  ["float8", "'-0'", "'0'"],
  ["float4", "'0'", "'-0'"],
  ["jsonb", `'{"a": 1.0}'`, `'{"a": 1.00}'`],
  ["json", `'{"a":1}'`, `'{"a": 1}'`],
  ["interval", "'1 day'", "'24 hours'"],
  ["text", "NULL", "''"],
  ["text[]", "'{a}'", "'{a,NULL}'"],
  ["numeric[]", "'{1.0}'", "'{1.00}'"],
  ["xml", "'<a/>'", "'<a></a>'"],
  ["point", "'(1,2)'", "'(1,3)'"],
  ["polygon", "'((0,0),(1,1))'", "'((0,0),(1,2))'"],
  ["citext", "'Foo'", "'foo'"],
  ['text COLLATE "loose"', "'Foo'", "'foo'"],
  ["char(4)", "'a'", "'b'"],
  ["text STORAGE EXTERNAL", "repeat('a', 50000)", "repeat('a', 49999) || 'b'"],
] as const;

describe.each(ALL_POSTGRES_VERSIONS)("a change is what prints differently (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make, newEntries } = table;

  test.each(TRAPS)("%s: %s to %s", async (type, before, after) => {
    await run("CREATE EXTENSION IF NOT EXISTS citext");
    await run(
      `CREATE COLLATION IF NOT EXISTS loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    );
    const [name, storage] = type.split(" STORAGE ");
    await make(`id int PRIMARY KEY, a ${name!}, updated_at timestamp DEFAULT '2020-01-01'`, {
      updatedAt: "content",
    });
    if (storage !== undefined) await run(`ALTER TABLE $t ALTER a SET STORAGE ${storage}`);
    await run(`INSERT INTO $t VALUES (1, ${before})`);
    expect(await newEntries(`UPDATE $t SET a = ${before}, updated_at = '2022-01-01'`)).toEqual([]);
    expect(await newEntries(`UPDATE $t SET a = ${after}, updated_at = '2022-01-01'`)).toEqual(["u a1"]);
    // Both triggers compare, and both see it.
    expect(await run("SELECT updated_at::text AS at FROM $t")).toEqual([{ at: "2022-01-01 00:00:00" }]);
    expect(await newEntries(`UPDATE $t SET a = ${after}, updated_at = '2023-01-01'`)).toEqual([]);
    expect(await newEntries(`UPDATE $t SET a = ${before}`)).toEqual(["u a1"]);
  });

  test("a key that equals the old one for SQL and prints differently is another key", async () => {
    await run("CREATE EXTENSION IF NOT EXISTS citext");
    await make("name citext, n numeric, a text, PRIMARY KEY (name, n)");
    await run("INSERT INTO $t VALUES ('Foo', 1.0, 'a')");
    expect(await newEntries("UPDATE $t SET name = 'foo'")).toEqual([
      "i foo\u00011.0\u0001",
      "d Foo\u00011.0\u0001",
    ]);
    expect(await newEntries("UPDATE $t SET n = 1.00")).toEqual([
      "i foo\u00011.00\u0001",
      "d foo\u00011.0\u0001",
    ]);
  });

  test("NaN equals NaN, and NULL equals NULL", async () => {
    await make("id int PRIMARY KEY, a float8, b text, c numeric");
    await run("INSERT INTO $t VALUES (1, 'NaN', NULL, 'NaN')");
    expect(await newEntries("UPDATE $t SET a = 'NaN', b = NULL, c = 'NaN'")).toEqual([]);
  });

  test("a wide value that was written again is compared by what it holds, not by where it stands", async () => {
    await make("id int PRIMARY KEY, wide text, other text");
    await run("ALTER TABLE $t ALTER wide SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL");
    await run("INSERT INTO $t VALUES (1, repeat('x', 50000), repeat('y', 50000))");
    expect(await newEntries("UPDATE $t SET wide = repeat('x', 50000)")).toEqual([]);
    expect(await newEntries("UPDATE $t SET wide = other, other = wide")).toEqual(["u a1"]);
    expect(await newEntries("UPDATE $t SET wide = 'short'")).toEqual(["u a1"]);
    expect(await newEntries("UPDATE $t SET wide = NULL")).toEqual(["u a1"]);
    expect(await newEntries("UPDATE $t SET wide = NULL, other = other")).toEqual([]);
    expect(await newEntries("UPDATE $t SET wide = repeat('x', 50000)")).toEqual(["u a1"]);
  });
});
