import { describe, expect, test } from "vitest";
import { migrate } from "../../src/commands/migrate.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const PLAIN = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const FOREIGN = `
  CREATE EXTENSION IF NOT EXISTS postgres_fdw; CREATE SERVER $t_s FOREIGN DATA WRAPPER postgres_fdw;
  CREATE FOREIGN TABLE $t_f (id int, a text) SERVER $t_s`;

const errorsOf = async (mirror: MirrorFixture) => [
  (await migrate({ config: mirror.config, clock: hurriedClock })).tables[0]!.error,
  (await mirror.runSync()).tables[0]!.error,
];

describe("what is no table of the owner's", () => {
  test.each([
    [
      "a type",
      "CREATE TYPE $t_c AS (a int)",
      "public.$t_c",
      "$t_c is a type, and neither a table nor a view.",
    ],
    [
      "a table of Postgres",
      "SELECT 1",
      "pg_catalog.pg_class",
      "pg_catalog.pg_class is a table of Postgres's own, or of ours.",
    ],
    [
      "our own state",
      "SELECT 1",
      "datahub_sync.runs",
      "datahub_sync.runs is a table of Postgres's own, or of ours.",
    ],
    [
      "a view over our own state",
      "CREATE VIEW $t_v AS SELECT r.id, t.url FROM datahub_sync.runs r JOIN datahub_sync.targets t ON t.id = r.target_id",
      "public.$t_v",
      "The view $t_v reads datahub_sync.runs, which is a table of Postgres's own, or of ours.",
    ],
  ])("%s is refused as what it is, in migrate and in sync", async (_, ddl, relation, message) => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.run(ddl);
    const [schema, name] = relation.replaceAll("$t", mirror.table).split(".");
    mirror.config.mirrors[0]!.relation = { schema: schema!, name: name! };
    const [migrated, synced] = await errorsOf(mirror);
    expect(migrated).toEqual({
      code: "RELATION_UNSUPPORTED",
      message: message.replaceAll("$t", mirror.table),
      remedy: "Mirror an ordinary or partitioned table of your own, or a view.",
    });
    expect(synced).toEqual(migrated);
  });
});

test.each([
  ["a foreign table", FOREIGN, "$t_f", "$t_f is a foreign table, whose changes happen elsewhere"],
  [
    "a view over a foreign table",
    `${FOREIGN}; CREATE VIEW $t_v AS SELECT * FROM $t_f`,
    "$t_v",
    "The view $t_v reads $t_f, which is a foreign table",
  ],
  [
    "a view over a materialized view",
    "CREATE MATERIALIZED VIEW $t_m AS SELECT 1 AS id; CREATE VIEW $t_v AS SELECT * FROM $t_m",
    "$t_v",
    "The view $t_v reads $t_m, which is a materialized view",
  ],
])("%s has no key until one is named, in migrate and in sync", async (_, ddl, relation, says) => {
  const mirror = await open({ ddl: PLAIN });
  await mirror.run(ddl);
  const fill = (text: string) => text.replaceAll("$t", mirror.table);
  const [first] = mirror.config.mirrors;
  first!.relation = { schema: "public", name: fill(relation) };
  const [migrated, synced] = await errorsOf(mirror);
  expect(migrated).toMatchObject({ code: "NO_KEY", message: `${fill(says)}, and has no key of its own.` });
  expect(synced).toEqual(migrated);
  first!.key = ["id"];
  expect((await migrate({ config: mirror.config, clock: hurriedClock })).tables).toMatchObject([
    { outcome: "compared" },
  ]);
});

test("names as long as Postgres takes them, of letters of several bytes and of SQL's own signs", async () => {
  const long = "ä".repeat(31);
  const mirror = await open({ ddl: PLAIN });
  await mirror.run(`
    DROP TABLE $t;
    CREATE TABLE $t ("${long}" int PRIMARY KEY, "%I $1 ""x"" 'y'" text, "\\" text, "select" int);
    INSERT INTO $t VALUES (1, 'a', 'b', 2), (2, 'a', 'b', 2)`);
  await mirror.migrate();
  expect(await mirror.sync()).toMatchObject({ inserted: 2 });
  await mirror.run(
    `UPDATE $t SET "%I $1 ""x"" 'y'" = 'c' WHERE "${long}" = 1; DELETE FROM $t WHERE "${long}" = 2`,
  );
  expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1, deleted: 1 });
  expect(await mirror.sync("full")).toMatchObject({ inserted: 0, updated: 0, deleted: 0 });
});

describe("a role that lacks a right is told which", () => {
  test.each([
    ["SELECT", "SELECT 1", "permission denied for table $t."],
    ["a column", "GRANT SELECT (id) ON $t TO $r", "permission denied for table $t."],
    [
      "USAGE of the schema",
      "GRANT SELECT ON $t TO $r; CREATE SCHEMA $t_s; ALTER TABLE $t SET SCHEMA $t_s",
      "permission denied for schema $t_s.",
    ],
    [
      "a function in a view",
      `GRANT SELECT ON $t TO $r; CREATE FUNCTION $t_f(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
       REVOKE EXECUTE ON FUNCTION $t_f FROM PUBLIC; ALTER TABLE $t RENAME TO $t_b;
       CREATE VIEW $t AS SELECT id, $t_f(a) AS a FROM $t_b; GRANT SELECT ON $t TO $r`,
      "permission denied for function $t_f.",
    ],
  ])("%s", async (_, grants, says) => {
    const mirror = await open({ ddl: `${PLAIN}; INSERT INTO $t VALUES (1, 'a')` });
    const role = `${mirror.table}_${crypto.randomUUID().slice(0, 8)}`;
    const fill = (text: string) => text.replaceAll("$t", mirror.table).replaceAll("$r", role);
    await mirror.run(
      `CREATE ROLE ${role} LOGIN PASSWORD 'invented'; SELECT datahub_sync.grant_runner('${role}')`,
    );
    await mirror.run(fill(grants));
    if (grants.includes("SET SCHEMA")) mirror.config.mirrors[0]!.relation.schema = `${mirror.table}_s`;
    await mirror.migrate();
    const url = new URL(mirror.db.url);
    [url.username, url.password] = [role, "invented"];
    const runner = mirror.withDatabase({ ...mirror.db, url: url.href });
    const { error } = (await runner.runSync()).tables[0]!;
    expect(error).toMatchObject({
      code: "PERMISSION_DENIED",
      remedy: expect.stringContaining("USAGE") as string,
    });
    expect(error!.message).toContain(fill(says));
  });
});
