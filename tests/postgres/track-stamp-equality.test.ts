import { describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { watchMark } from "../support/row-marks.js";
import { useTable } from "../support/table-fixture.js";

describe.each(ALL_POSTGRES_VERSIONS)("a change is what prints differently (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, make } = table;

  test.each([
    ["numeric", "1.0", "1.00"],
    ["float8", "'-0'", "'0'"],
    ["float4", "'0'", "'-0'"],
    ["jsonb", `'{"a": 1.0}'`, `'{"a": 1.00}'`],
    ["json", `'{"a":1}'`, `'{"a": 1}'`],
    ["interval", "'1 day'", "'24 hours'"],
    ["text", "NULL", "''"],
    ["text[]", "'{a}'", "'{a,NULL}'"],
    ["xml", "'<a/>'", "'<a></a>'"],
    ["point", "'(1,2)'", "'(1,3)'"],
    ["polygon", "'((0,0),(1,1))'", "'((0,0),(1,2))'"],
  ])("%s: %s to %s", async (type, before, after) => {
    await make(`id int PRIMARY KEY, a ${type}`);
    await run(`INSERT INTO $t VALUES (1, ${before})`);
    const changed = await watchMark(table, `UPDATE $t SET a = ${after}`);
    expect(changed.after.xid).toBe(changed.xid);
    const same = await watchMark(table, `UPDATE $t SET a = ${after}`);
    expect(same.after).toEqual(same.before);
  });

  test("citext: Foo to foo", async () => {
    const [available] = await run("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'");
    // The embedded builds carry the contributed extensions; if one day they do not, this says so.
    expect(available).toBeDefined();
    await run("CREATE EXTENSION IF NOT EXISTS citext");
    await make("name citext PRIMARY KEY, a text");
    await run("INSERT INTO $t VALUES ('Foo', 'a')");
    const { xid, after } = await watchMark(table, "UPDATE $t SET name = 'foo'");
    expect(after.xid).toBe(xid);
    expect(await table.deletions()).toEqual([{ kind: "row", key: "Foo" }]);
  });

  test("NaN equals NaN, and NULL equals NULL", async () => {
    await make("id int PRIMARY KEY, a float8, b text");
    await run("INSERT INTO $t VALUES (1, 'NaN', NULL)");
    const same = await watchMark(table, "UPDATE $t SET a = 'NaN', b = NULL");
    expect(same.after).toEqual(same.before);
  });
});
