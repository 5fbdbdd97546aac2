import { defineTable } from "convex/server";
import { v } from "convex/values";
import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture, type MirrorOptions } from "../support/mirror-fixture.js";
import { asRunner } from "../support/runner-role.js";

const open = useMirrors();

const PLAIN = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";
const COMMAND = /run `datahub-sync migrate` as the table's owner/;

/** A mirror and a role that runs it and does not own its table, after a first load. */
async function openForRunner(
  ddl = PLAIN,
  schema?: MirrorOptions["schema"],
): Promise<{ mirror: MirrorFixture; runner: MirrorFixture; role: string }> {
  const mirror = await open({ ddl: `${ddl}; ${ROWS}`, ...(schema && { schema }) });
  const { runner, role } = await asRunner(mirror);
  await mirror.run(`SELECT datahub_sync.grant_runner('${role}')`);
  await runner.sync();
  return { mirror, runner, role };
}

describe("invariant 15: a runner that does not own the table goes on, and says who has to do what", () => {
  test.each([
    { drift: "its triggers disabled", sql: "ALTER TABLE $t DISABLE TRIGGER ALL" },
    {
      drift: "its triggers no longer ALWAYS",
      sql: "ALTER TABLE $t DISABLE TRIGGER ALL; ALTER TABLE $t ENABLE TRIGGER ALL",
    },
    { drift: "another table under its name", sql: `DROP TABLE $t; ${PLAIN}; ${ROWS}` },
    { drift: "a column retyped", sql: "ALTER TABLE $t ALTER a TYPE varchar(20)" },
    { drift: "a column added", sql: "ALTER TABLE $t ADD COLUMN b text DEFAULT 'b'" },
  ])("$drift", async ({ sql }) => {
    const { mirror, runner, role } = await openForRunner();
    await mirror.run(`${sql}; GRANT SELECT ON $t TO ${role}`);
    for (const value of ["one", "two"]) {
      await mirror.run(
        `UPDATE $t SET a = '${value}' WHERE id = 5; DELETE FROM $t WHERE a = 'one' AND id > 30`,
      );
      const report = await runner.runSync();
      expect(report).toMatchObject({ ok: false, exitCode: 3 });
      expect(report.tables[0]).toMatchObject({ outcome: "done", mode: "full", tracking: "unmended" });
      const notice = report.tables[0]!.notices.find(({ code }) => code === "TRACKING_UNMENDED")!;
      expect(notice.message).toMatch(COMMAND);
      await mirror.compare();
    }
    expect(await runner.status()).toMatchObject({ exitCode: 6 });
    await mirror.migrate();
    expect(await runner.sync()).toMatchObject({ mode: "full", tracking: "intact" });
    await mirror.run("UPDATE $t SET a = 'three' WHERE id = 5");
    expect(await runner.runSync()).toMatchObject({ exitCode: 0, tables: [{ mode: "delta", updated: 1 }] });
    await mirror.compare();
  });

  test("a new partition", async () => {
    const { mirror, runner, role } = await openForRunner(
      `CREATE TABLE $t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
       CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (100)`,
    );
    await mirror.run(`CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (100) TO (200);
      INSERT INTO $t VALUES (100, 'b'); GRANT SELECT ON $t_2 TO ${role}`);
    expect(await runner.runSync()).toMatchObject({
      exitCode: 3,
      tables: [{ inserted: 1, tracking: "unmended" }],
    });
    await mirror.run("TRUNCATE $t_2");
    expect(await runner.runSync()).toMatchObject({ exitCode: 3, tables: [{ deleted: 1 }] });
    await mirror.compare();
  });

  test("a new column that waits for its field concerns no delta, and status says the same", async () => {
    const { mirror, runner } = await openForRunner(PLAIN, (table) => ({
      [table]: defineTable({
        id: v.optional(v.union(v.null(), v.number())),
        a: v.optional(v.union(v.null(), v.string())),
      }),
    }));
    await mirror.run("ALTER TABLE $t ADD COLUMN b text");
    expect(await runner.runSync()).toMatchObject({
      exitCode: 3,
      tables: [{ tracking: "intact", waiting: ["b"] }],
    });
    await mirror.run("UPDATE $t SET a = 'c' WHERE id = 2");
    expect(await runner.status()).toMatchObject({
      exitCode: 3,
      tables: [{ tracking: "intact", waiting: ["b"], problem: null, changesWaiting: 1 }],
    });
    expect(await runner.sync()).toMatchObject({ mode: "delta", updated: 1 });
  });

  test("what somebody's event trigger forbids does not stop the mirror", async () => {
    const mirror = await open({ ddl: `${PLAIN}; ${ROWS}` });
    await mirror.sync();
    await mirror.run(`ALTER TABLE $t DISABLE TRIGGER ALL; UPDATE $t SET a = 'b' WHERE id = 1;
      CREATE FUNCTION $t_no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END';
      CREATE EVENT TRIGGER $t_no ON ddl_command_start EXECUTE FUNCTION $t_no()`);
    try {
      expect(await mirror.runSync()).toMatchObject({
        exitCode: 3,
        tables: [{ outcome: "done", tracking: "unmended", updated: 1 }],
      });
    } finally {
      await mirror.run("DROP EVENT TRIGGER $t_no");
    }
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, tables: [{ tracking: "mended" }] });
  });

  test("a new column that is excluded concerns nobody", async () => {
    const { mirror, runner } = await openForRunner();
    runner.config.mirrors[0]!.ignore = ["b"];
    await mirror.run("ALTER TABLE $t ADD COLUMN b text");
    expect(await runner.runSync()).toMatchObject({ exitCode: 0, tables: [{ tracking: "intact" }] });
    await mirror.run("UPDATE $t SET a = 'c' WHERE id = 2");
    expect(await runner.runSync()).toMatchObject({ exitCode: 0, tables: [{ mode: "delta", updated: 1 }] });
  });
});
