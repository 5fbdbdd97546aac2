import { describe, expect, test } from "vitest";
import type { UpdatedAt } from "../../src/model/config.js";
import { NOTHING, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

const META = `project_id uuid, sync_timestamp timestamp DEFAULT now(), source_file varchar(500), raw_data jsonb,
              created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now()`;
const IGNORE = ["sync_timestamp"];

/** Two views over the tables that the import job fills, as the source's owner has them. */
async function views(updatedAt: UpdatedAt = "as-written"): Promise<MirrorFixture> {
  const mirror = await open({
    ddl: `CREATE TABLE $t_hld_pole (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), label varchar(255),
                                    latitude numeric(10,8), status text, notes text, ${META});
          CREATE VIEW $t_poles AS
            SELECT id, label AS pole_number, latitude, status, raw_data, created_at, updated_at, sync_timestamp
              FROM $t_hld_pole WHERE status IS DISTINCT FROM 'removed';
          CREATE TABLE $t_hld_home (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), drop_number varchar(255),
                                    pole_number varchar(255), ${META});
          CREATE VIEW $t_drops AS SELECT id, drop_number, pole_number, raw_data, updated_at FROM $t_hld_home`,
    mirrors: [
      { relation: "$t_poles", name: "sow_poles_$t", ignore: IGNORE, updatedAt },
      { relation: "$t_drops", name: "sow_drops_$t", ignore: IGNORE, updatedAt },
    ],
  });
  await mirror.run(`
    INSERT INTO $t_hld_pole (label, latitude, status, raw_data, updated_at)
    SELECT 'LAW.P.A' || n, -26.0 - n / 1000.0, CASE WHEN n > 18 THEN 'removed' ELSE 'planned' END,
           jsonb_build_object('pole', n), '2025-01-01' FROM generate_series(1, 20) n;
    INSERT INTO $t_hld_home (drop_number, pole_number) SELECT 'DR' || n, 'LAW.P.A' || n FROM generate_series(1, 5) n`);
  return mirror;
}

describe("a mirror of a view over one base table", () => {
  test("invariant 1: shows the view's rows, under the view's names, in a table of a third name", async () => {
    const mirror = await views();
    const report = await mirror.runSync();
    expect(report.tables.map(({ table, inserted }) => [table, inserted])).toEqual([
      [`sow_poles_${mirror.table}`, 18],
      [`sow_drops_${mirror.table}`, 5],
    ]);
    await mirror.compare();
    const fields = Object.keys(mirror.documents()[0]!).sort();
    expect(fields).toEqual([
      "_id",
      "created_at",
      "id",
      "latitude",
      "pole_number",
      "raw_data",
      "status",
      "updated_at",
    ]);
    expect((await mirror.status()).tables[0]).toMatchObject({
      relation: `${mirror.table}_poles`,
      base: `${mirror.table}_hld_pole`,
      tracking: "intact",
      rowsInPostgres: 18,
      rowsInMirror: 18,
    });
  });

  test("invariant 4: a rewrite of the base with equal values costs nothing", async () => {
    const mirror = await views("content");
    await mirror.runSync();
    await mirror.run("UPDATE $t_hld_pole SET label = label, updated_at = now(), sync_timestamp = now()");
    await mirror.run(
      "UPDATE $t_hld_home SET drop_number = drop_number, updated_at = now(), sync_timestamp = now()",
    );
    const cost = await mirror.cost(async () =>
      expect((await mirror.runSync()).totals).toMatchObject(NOTHING),
    );
    expect(cost).toEqual({ documentsRead: 2, documentsWritten: 0, ledgerWritten: 0 });
  });

  test("a change of a column that no mirror shows costs nothing either", async () => {
    const mirror = await views();
    await mirror.runSync();
    await mirror.run("UPDATE $t_hld_pole SET notes = 'nobody sees this'");
    expect((await mirror.runSync()).totals).toMatchObject(NOTHING);
  });

  test("a row that leaves the view is deleted, and one that enters it is inserted", async () => {
    const mirror = await views();
    await mirror.runSync();
    await mirror.run("UPDATE $t_hld_pole SET status = 'removed' WHERE label IN ('LAW.P.A1', 'LAW.P.A2')");
    await mirror.run("UPDATE $t_hld_pole SET status = 'back' WHERE label = 'LAW.P.A20'");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, inserted: 1, deleted: 2 });
    await mirror.compare();
  });

  test("changes, deletions, key changes and TRUNCATE of the base arrive", async () => {
    const mirror = await views();
    await mirror.runSync();
    await mirror.run(`UPDATE $t_hld_pole SET latitude = 1.5 WHERE label = 'LAW.P.A1';
                      DELETE FROM $t_hld_pole WHERE label IN ('LAW.P.A2', 'LAW.P.A19');
                      UPDATE $t_hld_pole SET id = gen_random_uuid() WHERE label = 'LAW.P.A3'`);
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 2, updated: 1, inserted: 1, deleted: 2 });
    await mirror.compare();
    await mirror.run("TRUNCATE $t_hld_home");
    await mirror.run("INSERT INTO $t_hld_home (drop_number) VALUES ('DR1')");
    const report = await mirror.runSync();
    expect(report.tables[1]).toMatchObject({ mode: "full", inserted: 1, deleted: 5 });
    await mirror.compare();
  });

  test("a new definition of the view makes the next run full; one below it, too", async () => {
    const mirror = await views();
    await mirror.run("CREATE VIEW $t_inner AS SELECT * FROM $t_hld_home WHERE drop_number <> 'DR1'");
    await mirror.run(
      "CREATE OR REPLACE VIEW $t_drops AS SELECT id, drop_number, pole_number, raw_data, updated_at FROM $t_inner",
    );
    await mirror.migrate();
    await mirror.sync();
    await mirror.compare();
    await mirror.run(
      "CREATE OR REPLACE VIEW $t_poles AS SELECT id, upper(label)::varchar(255) AS pole_number, latitude, status, raw_data, created_at, updated_at, sync_timestamp FROM $t_hld_pole",
    );
    await mirror.run(
      "CREATE OR REPLACE VIEW $t_inner AS SELECT * FROM $t_hld_home WHERE drop_number <> 'DR2'",
    );
    const report = await mirror.runSync();
    expect(report.tables.map(({ mode, outcome }) => [mode, outcome])).toEqual([
      ["full", "done"],
      ["full", "done"],
    ]);
    await mirror.compare();
  });

  test("two mirrors of one base, with different columns, both follow it", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, b text);
            CREATE VIEW $t_v AS SELECT id, b FROM $t`,
      mirrors: [{ relation: "$t", exclude: ["b"] }, { relation: "$t_v" }],
    });
    await mirror.run("INSERT INTO $t SELECT n, 'a', 'b' FROM generate_series(1, 5) n");
    await mirror.runSync();
    await mirror.compare();
    await mirror.run("UPDATE $t SET b = 'c' WHERE id = 1; DELETE FROM $t WHERE id = 2");
    const report = await mirror.runSync();
    expect(report.tables).toMatchObject([
      { updated: 0, unchanged: 1, deleted: 1 },
      { updated: 1, deleted: 1 },
    ]);
    await mirror.compare();
  });
});

describe("columns", () => {
  test("excluded, ignored and renamed ones are what the configuration says", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, secret text, noise text)",
      mirrors: [
        { relation: "$t", exclude: ["secret"], ignore: ["noise"], columns: { a: { field: "shown" } } },
      ],
    });
    await mirror.run("INSERT INTO $t VALUES (1, 'a', 's', 'n')");
    await mirror.sync();
    expect(mirror.documents()).toEqual([{ _id: expect.any(String) as string, id: 1, shown: "a" }]);
    await mirror.run("UPDATE $t SET secret = 't', noise = 'm'");
    expect(await mirror.sync()).toMatchObject(NOTHING);
  });

  test("complaint 7: one that is removed, or added, is followed by the next run, which says so", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, b text)" });
    await mirror.run("INSERT INTO $t VALUES (1, 'a', 'b'), (2, 'a', 'b')");
    await mirror.sync();
    for (const change of ["DROP COLUMN b", "ADD COLUMN c int DEFAULT 7", "RENAME COLUMN a TO z"]) {
      await mirror.run(`ALTER TABLE $t ${change}`);
      expect((await mirror.status()).tables[0]).toMatchObject({ tracking: "broken" });
      const followed = await mirror.runSync();
      expect([change, followed.exitCode]).toEqual([change, 0]);
      expect(followed.tables[0]).toMatchObject({ mode: "full", updated: 2, tracking: "mended" });
      expect(followed.tables[0]!.notices[0]!.code).toBe("TRACKING_MENDED");
      await mirror.compare();
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta" });
    }
  });

  test("a renamed label of an enum makes the next run full", async () => {
    const mirror = await open({
      ddl: "CREATE TYPE $t_state AS ENUM ('on', 'off'); CREATE TABLE $t (id int PRIMARY KEY, s $t_state)",
    });
    await mirror.run("INSERT INTO $t VALUES (1, 'on'), (2, 'off')");
    await mirror.sync();
    await mirror.run("ALTER TYPE $t_state RENAME VALUE 'on' TO 'lit'");
    expect(await mirror.sync()).toMatchObject({ mode: "full", updated: 2 });
    expect(mirror.documents().map(({ s }) => s)).toEqual(["lit", "off"]);
  });
});
