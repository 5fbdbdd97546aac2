import { describe, expect, test } from "vitest";
import { migrate } from "../../src/commands/migrate.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { track } from "../support/tracked-table.js";

const open = useMirrors({ version: 18 });
const PLAIN = "CREATE TABLE $t (other int PRIMARY KEY, a text)";

/** What `migrate` and then `sync` say of the mirror. */
async function refusals(mirror: MirrorFixture) {
  const migrated = await migrate({ config: mirror.config, clock: hurriedClock });
  return [migrated.tables[0]!.error, (await mirror.runSync()).tables[0]!.error];
}

const TYPES = "CREATE TYPE $t_pair AS (a int, b text); CREATE DOMAIN $t_own AS $t_pair";

describe("a key of a type that identifies no row", () => {
  test.each([
    ["a composite type", TYPES, "$t_pair", "of a composite type"],
    ["a domain over a composite type", TYPES, "$t_own", "of a composite type"],
    ["the rows of a table", "CREATE TABLE $t_o (a int)", "$t_o", "of a composite type"],
    ["a list", "SELECT 1", "int[]", "an array"],
    ["oidvector", "SELECT 1", "oidvector", "an array"],
    [
      "what prints by search_path",
      "SELECT 1",
      "regclass",
      "of the type regclass, which prints differently from session to session",
    ],
    [
      "a domain over that",
      "CREATE DOMAIN $t_reg AS regproc",
      "$t_reg",
      "of the type regproc, which prints differently from session to session",
    ],
  ])("%s is refused, in migrate and in sync", async (_, types, type, why) => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.run(`${types}; DROP TABLE $t; CREATE TABLE $t (id ${type} PRIMARY KEY, a text)`);
    const [migrated, synced] = await refusals(mirror);
    expect(migrated).toEqual({
      code: "NO_KEY",
      message: `The key column id of ${mirror.table} is ${why}.`,
      remedy: 'Name as "key" other columns that are NOT NULL and together carry a unique index.',
    });
    expect(synced).toEqual(migrated);
  });
});

describe("a key of an unusual type is mirrored, changes and deletions included", () => {
  test.each([
    ["int4range", "[1,5)", "[2,)"],
    ["int4multirange", "{[1,5),[7,9)}", "{}"],
    ["tstzrange", "[2024-01-01,)", "empty"],
    ["$t_pairs", `["(1,x)","(2,""y, z"")")`, `["(1,x)","(3,y)")`],
    ["$t_steps", "[a,b)", "[b,c]"],
    ["$t_list", "{1,NULL}", "{2}"],
    ["jsonb", '{"a": [1, null]}', '"a"'],
    ["tsvector", "'a':1 'b'", "'c'"],
    ["tsquery", "'a' & !'b'", "'c' | 'd'"],
    ["float8", "NaN", "-0"],
    ["interval", "1 day", "-2 mons 25:00:00"],
    ["money", "-1.50", "2.00"],
    ["varbit", "101", ""],
    ["inet", "10.0.0.1/8", "::1"],
    ["macaddr8", "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:06"],
    ["pg_lsn", "0/1", "FF/0"],
    ["xid8", "1", "12"],
    ["tid", "(0,1)", "(1,2)"],
    ['"char"', "a", "\\101"],
    ["char(5)", "a", " b"],
    ["name", "a", "ä"],
    ["bit(3)", "101", "000"],
    ["timetz", "10:00:00+02", "08:00:00+00"],
  ])("%s", async (type, k, l) => {
    const mirror = await open({ ddl: PLAIN, settings: { pageRows: 1 } });
    await mirror.run(`
      CREATE TYPE $t_pair AS (a int, b text); CREATE TYPE $t_pairs AS RANGE (subtype = $t_pair);
      CREATE DOMAIN $t_list AS int[]; CREATE TYPE $t_enum AS ENUM ('a', 'b', 'c'); CREATE TYPE $t_steps AS RANGE (subtype = $t_enum);
      DROP TABLE $t; CREATE TABLE $t (id ${type} PRIMARY KEY, a text)`);
    await mirror.migrate();
    const quoted = [k, l].map((value) => `'${value.replaceAll("'", "''")}'`);
    await mirror.run(`INSERT INTO $t VALUES (${quoted[0]}, 'k'), (${quoted[1]}, 'l')`);
    expect(await mirror.sync()).toMatchObject({ inserted: 2 });
    await mirror.run("UPDATE $t SET a = 'changed' WHERE a = 'k'; DELETE FROM $t WHERE a = 'l'");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1, deleted: 1, rejected: 0 });
    for (const mode of ["full", "deep"] as const)
      expect(await mirror.sync(mode)).toMatchObject({ inserted: 0, updated: 0, deleted: 0 });
    expect(mirror.documents()).toMatchObject([{ a: "changed" }]);
  });
});

describe("a key whose NOT NULL is NOT VALID", () => {
  const ddl = `
    DROP TABLE $t; CREATE TABLE $t (id int, b int, a text); CREATE UNIQUE INDEX ON $t (id, b);
    INSERT INTO $t VALUES (NULL, 1, 'a'), (NULL, 1, 'b'), (1, 1, 'c');
    ALTER TABLE $t ALTER id SET DEFAULT 0, ALTER b SET NOT NULL, ADD CONSTRAINT "$t it's" NOT NULL id NOT VALID`;

  test("is refused with the command that validates it, and is a key from then on", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.run(ddl);
    mirror.config.mirrors[0]!.key = ["id", "b"];
    const [migrated, synced] = await refusals(mirror);
    const constraint = `${mirror.table} it's`;
    expect(migrated).toEqual({
      code: "NO_KEY",
      message: `The key column id of ${mirror.table} may hold NULL: its NOT NULL constraint ${constraint} is NOT VALID.`,
      remedy: `ALTER TABLE "public"."${mirror.table}" VALIDATE CONSTRAINT "${constraint}"; then run \`datahub-sync migrate\`.`,
    });
    expect(synced).toEqual(migrated);
    await expect(track(mirror.sql, mirror.table, { key: ["b", "id"] })).rejects.toMatchObject({
      code: "DS102",
      message: `public.${mirror.table} has no key to mirror by: NOT NULL of its column id is NOT VALID`,
      hint: `ALTER TABLE public.${mirror.table} VALIDATE CONSTRAINT "${constraint}";`,
    });

    await mirror.run(`DELETE FROM $t WHERE id IS NULL; ALTER TABLE $t VALIDATE CONSTRAINT "$t it's"`);
    await mirror.migrate();
    expect(await mirror.sync()).toMatchObject({ inserted: 1 });
    await mirror.compare();
  });

  test("of another column than the key is no matter", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.run("ALTER TABLE $t ADD NOT NULL a NOT VALID");
    await mirror.migrate();
    await mirror.sync();
  });
});
