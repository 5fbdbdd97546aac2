import { describe, expect, test } from "vitest";
import type { MirrorConfig } from "../../src/model/config.js";
import { inspect, mirrorConfig, openReader } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";

describe.each(ALL_POSTGRES_VERSIONS)("inspecting a mirror (Postgres %i)", (version) => {
  const table = useTable({ version });
  const { run, named } = table;
  const look = (relation: string, config: Partial<MirrorConfig> = {}) =>
    inspect(table.database, mirrorConfig(named(relation), config));

  const TABLE =
    "CREATE TABLE $t (id int PRIMARY KEY, a text, b int NOT NULL UNIQUE, sync_timestamp timestamp)";

  test.each<[string, string, string, Partial<MirrorConfig>, string, RegExp]>([
    [
      "a relation that does not exist",
      "SELECT 1",
      "$t",
      {},
      "RELATION_MISSING",
      /The relation t\d+ does not exist/,
    ],
    [
      "a base table that does not exist",
      TABLE,
      "$t",
      { base: { schema: "public", name: "nowhere" } },
      "RELATION_MISSING",
      /nowhere does not exist/,
    ],
    ["a sequence", "CREATE SEQUENCE $t", "$t", {}, "RELATION_UNSUPPORTED", /neither a table nor a view/],
    [
      "a materialised view",
      "CREATE MATERIALIZED VIEW $t AS SELECT 1 AS id",
      "$t",
      {},
      "NO_KEY",
      /is a materialized view, which fires no trigger, and it has no unique index/,
    ],
    ["a table without a primary key", "CREATE TABLE $t (id int)", "$t", {}, "NO_KEY", /has no primary key/],
    ["a key that is none", TABLE, "$t", { key: ["a"] }, "NO_KEY", /The columns a of t\d+ are not a key/],
    ["a key that does not exist", TABLE, "$t", { key: ["id", "nope"] }, "NO_KEY", /The columns id, nope of/],
    ["a view over nothing", "CREATE VIEW $t AS SELECT 1 AS id", "$t", {}, "NO_KEY", /reads no table/],
    [
      "a view over two tables",
      `${TABLE}; CREATE TABLE $t_b (id int PRIMARY KEY); CREATE VIEW $t_v AS SELECT t.id FROM $t t JOIN $t_b USING (id)`,
      "$t_v",
      {},
      "NO_KEY",
      /reads several tables \(t\d+, t\d+_b\), and has no key of its own/,
    ],
    [
      "a view over two tables, one of them in a view below it",
      `${TABLE}; CREATE TABLE $t_b (id int PRIMARY KEY); CREATE VIEW $t_i AS SELECT id FROM $t WHERE id IN (SELECT id FROM $t_b);
       CREATE VIEW $t_v AS SELECT id FROM $t_i`,
      "$t_v",
      {},
      "NO_KEY",
      /reads several tables/,
    ],
    [
      "a view with another base than configured",
      `${TABLE}; CREATE VIEW $t_v AS SELECT id FROM $t`,
      "$t_v",
      { base: { schema: "public", name: "other" } },
      "RELATION_UNSUPPORTED",
      /reads t\d+, not other/,
    ],
    [
      "a view that hides the key",
      `${TABLE}; CREATE VIEW $t_v AS SELECT id AS other, a FROM $t`,
      "$t_v",
      {},
      "NO_KEY",
      /does not show the key column id/,
    ],
    [
      "a view that shows the key as another type",
      `${TABLE}; CREATE VIEW $t_v AS SELECT id::text AS id, a FROM $t`,
      "$t_v",
      {},
      "NO_KEY",
      /id with another type/,
    ],
    [
      "a view that groups",
      `${TABLE}; CREATE VIEW $t_v AS SELECT max(id) AS id, a FROM $t GROUP BY a`,
      "$t_v",
      {},
      "NO_KEY",
      /one by one/,
    ],
    [
      "a view that numbers rows",
      `${TABLE}; CREATE VIEW $t_v AS SELECT id, row_number() OVER (ORDER BY a) AS n FROM $t`,
      "$t_v",
      {},
      "NO_KEY",
      /one by one/,
    ],
    [
      "a view that joins the table with itself",
      `${TABLE}; CREATE VIEW $t_v AS SELECT x.id, y.a FROM $t x JOIN $t y ON y.id = x.b`,
      "$t_v",
      {},
      "NO_KEY",
      /one by one/,
    ],
    [
      "a view that counts rows, with a rule in the place of DELETE",
      `${TABLE}; CREATE VIEW $t_v AS SELECT id, count(*) OVER () AS n FROM $t;
       CREATE RULE gone AS ON DELETE TO $t_v DO INSTEAD NOTHING`,
      "$t_v",
      {},
      "NO_KEY",
      /The view t\d+_v, or one below it, has a rule for DELETE/,
    ],
    [
      "a view over one that counts rows, with a rule in the place of DELETE",
      `${TABLE}; CREATE VIEW $t_i AS SELECT id, count(*) OVER () AS n FROM $t;
       CREATE RULE gone AS ON DELETE TO $t_i DO INSTEAD DELETE FROM $t WHERE id = OLD.id;
       CREATE VIEW $t_v AS SELECT * FROM $t_i`,
      "$t_v",
      {},
      "NO_KEY",
      /The view t\d+_v, or one below it, has a rule for DELETE/,
    ],
    [
      "a view that computes another value of the key",
      `${TABLE}; CREATE VIEW $t_v AS SELECT -id AS id, a FROM $t`,
      "$t_v",
      {},
      "NO_KEY",
      /shows something else as id than the key column of t\d+/,
    ],
    [
      "a view that shows another column as the key, by way of a view below it",
      `${TABLE}; CREATE VIEW $t_i AS SELECT id AS b, b AS id FROM $t; CREATE VIEW $t_v AS SELECT id FROM $t_i`,
      "$t_v",
      {},
      "NO_KEY",
      /shows something else as id than the key column of t\d+/,
    ],
    [
      "a view over one that limits",
      `${TABLE}; CREATE VIEW $t_i AS SELECT * FROM $t LIMIT 5; CREATE VIEW $t_v AS SELECT * FROM $t_i`,
      "$t_v",
      {},
      "NO_KEY",
      /one by one/,
    ],
    [
      "an excluded column that is misspelt",
      TABLE,
      "$t",
      { exclude: ["secert"] },
      "CONFIG_INVALID",
      /names the column secert/,
    ],
    [
      "an encoding for a column that does not exist",
      TABLE,
      "$t",
      { columns: { nope: { field: "x" } } },
      "CONFIG_INVALID",
      /names the column nope/,
    ],
  ])("refuses %s, and names it", async (_, ddl, relation, config, code, message) => {
    await run(ddl);
    const refusal = await look(relation, config).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
      table: named(relation),
      remedy: expect.stringMatching(/\w+/) as string,
    });
  });

  test("a name with a capital or a quote in it, in a schema of its own", async () => {
    await run(
      'CREATE SCHEMA "My $t"; CREATE TABLE "My $t"."Odd ""Table" ("The Id" int PRIMARY KEY, "a.b" text)',
    );
    await run(`SELECT datahub_sync.track('"My $t"."Odd ""Table"'::regclass)`);
    await run(`INSERT INTO "My $t"."Odd ""Table" VALUES (1, 'x')`);
    const config = { relation: { schema: `My ${table.name}`, name: 'Odd "Table' } };
    const reader = await openReader(table.database, "odd", config);
    expect((await reader.rows(["a1"], 1000)).rows).toMatchObject([{ key: "a1", texts: ["1", "x"] }]);
    expect((await inspect(table.database, mirrorConfig("odd", config))).tracking?.problem).toBeNull();
  });

  test("what is ignored or excluded is not mirrored", async () => {
    await run(TABLE);
    await table.track({ ignored: ["sync_timestamp", "a"] });
    const source = await look("$t", { ignore: ["sync_timestamp", "not here"], exclude: ["a"] });
    expect(source.columns.map(({ name }) => name)).toEqual(["id", "b"]);
    expect(source).toMatchObject({
      isView: false,
      keyOrder: "bytes",
      tracking: { generation: 1, problem: null },
    });
  });

  test("what updated_at means is said where it is mirrored", async () => {
    await run("CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamp)");
    expect(await look("$t")).toMatchObject({
      updatedAt: "none",
      tracking: null,
      sight: { trackedId: 0, unnoticed: expect.stringMatching(/are not being tracked/) as string },
    });
    for (const updatedAt of ["as-written", "content"] as const) {
      await table.track({ updatedAt });
      expect(await look("$t")).toMatchObject({ updatedAt });
      expect((await look("$t")).columns.map(({ name }) => name)).toEqual(["id", "a", "updated_at"]);
      expect(await look("$t", { exclude: ["updated_at"] })).toMatchObject({ updatedAt: "none" });
      expect(await look("$t", { ignore: ["updated_at"] })).toMatchObject({ updatedAt: "none" });
    }
    await run("CREATE VIEW $t_v AS SELECT id, a FROM $t");
    expect(await look("$t_v")).toMatchObject({ updatedAt: "none" });
  });

  test("a trigger of the owner's that fires after ours is no hindrance", async () => {
    await run(`${TABLE};
      CREATE FUNCTION $t_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := NEW.a || 1; RETURN NEW; END';
      CREATE TRIGGER zzzz BEFORE UPDATE ON $t FOR EACH ROW EXECUTE FUNCTION $t_change()`);
    await table.track();
    expect((await look("$t")).tracking).toMatchObject({ problem: null });
  });

  test("a view is found to lie over its base, with the base's key and its own wide columns", async () => {
    await run(
      `${TABLE}; CREATE VIEW $t_i AS SELECT id, a FROM $t WHERE b > 0; CREATE VIEW $t_v AS SELECT id, a AS shown FROM $t_i`,
    );
    await table.track();
    const source = await look("$t_v");
    expect(source).toMatchObject({
      isView: true,
      base: { schema: "public", name: table.name },
      keyColumns: [{ name: "id", typeSql: '"pg_catalog"."int4"', kind: "integer", sorting: null }],
      wideColumns: ["shown"],
    });
    expect(source.columns.map(({ name, field }) => [name, field])).toEqual([
      ["id", "id"],
      ["shown", "shown"],
    ]);
  });

  test("a table that is not tracked, or for another key or other columns, is told from one that is", async () => {
    await run(TABLE);
    expect((await look("$t")).tracking).toBeNull();
    await table.track({ ignored: ["a"] });
    expect((await look("$t")).tracking!.problem).toMatch(/does not compare the column a, which is mirrored/);
    expect((await look("$t", { exclude: ["a"], key: ["b"] })).tracking!.problem).toMatch(
      /by the key id, not by b/,
    );
    expect((await look("$t", { exclude: ["a"] })).tracking!.problem).toBeNull();
  });
});
