import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { openAnother } from "../support/paged-mirror.js";

const open = useMirrors();

const ROWS = "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";
const PLAIN = `CREATE TABLE $t (id int PRIMARY KEY, a text); ${ROWS}`;
const REBUILT = `DROP TABLE $t; ${PLAIN}; UPDATE $t SET a = 'anew' WHERE id < 3`;

const codes = (report: { notices: { code: string }[] }) => report.notices.map(({ code }) => code);

async function compared(mirror: MirrorFixture): Promise<string[]> {
  const [row] = await mirror.run(
    "SELECT compared_columns AS columns FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass",
  );
  return row!["columns"] as string[];
}

describe("invariant 15: drift heals within the run", () => {
  test("a table dropped and created again costs what has changed, and goes on by deltas", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.sync();
    await mirror.run(REBUILT);
    const healed = await mirror.runSync();
    expect(healed).toMatchObject({ exitCode: 0, tables: [{ mode: "full", read: 2, updated: 2 }] });
    expect(codes(healed.tables[0]!)).toEqual(["TRACKING_MENDED", "BECAME_FULL"]);
    await mirror.compare();
    await mirror.run("UPDATE $t SET a = 'later' WHERE id = 9");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1, tracking: "intact" });
    await mirror.compare();
  });

  test("also after it was forgotten, while there was none", async () => {
    const mirror = await open({ ddl: `${PLAIN}; CREATE TABLE $t_other (id int PRIMARY KEY)` });
    await mirror.sync();
    await mirror.run("DROP TABLE $t; SELECT datahub_sync.track('$t_other')");
    expect((await mirror.runSync()).tables[0]!.error).toMatchObject({ code: "RELATION_MISSING" });
    await mirror.run(PLAIN);
    expect(await mirror.sync()).toMatchObject({ tracking: "mended", read: 0 });
    const rows = await mirror.run(
      "SELECT relation_oid = '$t'::regclass AS own FROM datahub_sync.tracked_tables WHERE table_name = '$t'",
    );
    expect(rows).toEqual([{ own: true }]);
  });

  test("swapped by renaming, back and forth, each table logs under its own id", async () => {
    const mirror = await open({ ddl: `${PLAIN}; CREATE TABLE $t_new (LIKE $t INCLUDING ALL)` });
    await mirror.sync();
    await mirror.run("INSERT INTO $t_new SELECT n, 'new' FROM generate_series(1, 30) n");
    for (const [away, here] of [
      ["$t_old", "$t_new"],
      ["$t_new", "$t_old"],
    ]) {
      await mirror.run(`ALTER TABLE $t RENAME TO ${away}; ALTER TABLE ${here} RENAME TO $t`);
      expect(await mirror.sync()).toMatchObject({ mode: "full", updated: 30 });
      await mirror.compare();
      await mirror.run(`UPDATE ${away} SET a = 'nobody sees this'; UPDATE $t SET a = 'seen' WHERE id = 7`);
      expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 1, updated: 1 });
      await mirror.run("UPDATE $t SET a = 'back' WHERE id = 7");
      await mirror.sync();
    }
  });

  test("every deployment of a table that is created again has its columns compared, from the first one's run on", async () => {
    const ddl = `CREATE TABLE $t (id int PRIMARY KEY, a text, b text); INSERT INTO $t VALUES (1, 'a', 'b')`;
    const mirror = await open({ ddl, mirrors: [{ relation: "$t", exclude: ["b"] }] });
    const other = await openAnother(mirror);
    other.config.mirrors[0]!.exclude = ["a"];
    await other.migrate();
    await mirror.sync();
    await other.sync();
    await mirror.run(`DROP TABLE $t; ${ddl}`);
    await mirror.sync();
    expect(await compared(mirror)).toEqual(["id", "a", "b"]);
    await mirror.run("UPDATE $t SET b = 'c'");
    expect(await other.sync()).toMatchObject({ tracking: "intact", updated: 1 });
    await other.compare();
  });

  test("what the triggers compare is never narrowed: that is for migrate", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, b text)" });
    await mirror.sync();
    mirror.config.mirrors[0]!.exclude = ["b"];
    await mirror.run("ALTER TABLE $t DISABLE TRIGGER ALL");
    expect(await mirror.sync()).toMatchObject({ tracking: "mended" });
    expect(await compared(mirror)).toEqual(["id", "a", "b"]);
    await mirror.migrate();
    expect(await compared(mirror)).toEqual(["id", "a"]);
  });

  test("what updated_at means stays as migrate has said, in a table that is created again, too", async () => {
    const ddl = "CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamp DEFAULT now())";
    const mirror = await open({ ddl, mirrors: [{ relation: "$t", updatedAt: "content" }] });
    await mirror.sync();
    const mode = async () =>
      (
        await mirror.run(
          "SELECT updated_at_mode AS mode FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass",
        )
      )[0]!["mode"];
    await mirror.run(`DROP TABLE $t; ${ddl}`);
    await mirror.sync();
    expect(await mode()).toBe("content");
    // Another meaning in the configuration alone has not been announced to anybody.
    mirror.config.mirrors[0]!.updatedAt = "as-written";
    await mirror.run("ALTER TABLE $t DISABLE TRIGGER ALL");
    await mirror.sync();
    expect(await mode()).toBe("content");
  });

  test("another primary key is followed by every deployment, where the old one is no key any more", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, other serial); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n`,
    });
    const other = await openAnother(mirror);
    await other.migrate();
    await other.sync();
    await mirror.sync();
    await mirror.run("ALTER TABLE $t DROP CONSTRAINT $t_pkey, ADD PRIMARY KEY (other)");
    for (const each of [mirror, other]) {
      expect(await each.runSync("delta", { allowDeletes: true })).toMatchObject({ exitCode: 0 });
      await each.compare();
    }
    await mirror.run("UPDATE $t SET a = 'later' WHERE other = 3");
    for (const each of [mirror, other])
      expect(await each.sync()).toMatchObject({ mode: "delta", updated: 1 });
  });

  test("a configured updated_at that is dropped does not stop its table", async () => {
    const ddl = `CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamp DEFAULT now()); ${ROWS}`;
    const mirror = await open({
      ddl: ddl.replace("$t SELECT", "$t (id, a) SELECT"),
      mirrors: [{ relation: "$t", updatedAt: "content" }],
    });
    await mirror.sync();
    await mirror.run("ALTER TABLE $t DROP COLUMN updated_at");
    expect(await mirror.sync()).toMatchObject({ tracking: "mended", updated: 30 });
    await mirror.compare();
  });

  test("a table that was untracked by somebody is not tracked again", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.sync();
    await mirror.run(`SELECT datahub_sync.untrack('$t', '${mirror.config.target}')`);
    expect((await mirror.runSync()).tables[0]!.error).toMatchObject({ code: "NOT_TRACKED" });
  });

  test("the deletion guard holds: an empty table in the place of a full one is not believed", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.sync();
    await mirror.run("DROP TABLE $t; CREATE TABLE $t (id int PRIMARY KEY, a text)");
    expect(await mirror.runSync()).toMatchObject({ exitCode: 5, totals: { deleted: 0, heldBack: 30 } });
    expect(mirror.documents()).toHaveLength(30);
    await mirror.run(ROWS);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { deleted: 0, heldBack: 0 } });
    await mirror.compare();
  });

  test("a partition each month: made, filled, detached, dropped", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
            CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (100); ${ROWS}`,
    });
    await mirror.sync();
    const next = async (sql: string, outcome: object) => {
      await mirror.run(sql);
      expect(await mirror.sync()).toMatchObject({ mode: "full", tracking: "mended", ...outcome });
      await mirror.compare();
    };
    await next(
      "CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (100) TO (200); INSERT INTO $t VALUES (100, 'b')",
      { inserted: 1 },
    );
    await next(
      `CREATE TABLE $t_3 (LIKE $t INCLUDING ALL); INSERT INTO $t_3 VALUES (200, 'c');
       ALTER TABLE $t ATTACH PARTITION $t_3 FOR VALUES FROM (200) TO (300)`,
      { inserted: 1 },
    );
    await mirror.run("TRUNCATE $t_3");
    expect(await mirror.sync()).toMatchObject({ deleted: 1, tracking: "intact" });
    await next("ALTER TABLE $t DETACH PARTITION $t_2", { deleted: 1 });
    await next("DROP TABLE $t_3", { deleted: 0 });
  });

  test("what pg_dump --data-only --disable-triggers restores arrives", async () => {
    const mirror = await open({ ddl: PLAIN });
    await mirror.sync();
    await mirror.run(`ALTER TABLE $t DISABLE TRIGGER ALL; INSERT INTO $t SELECT n, 'restored' FROM generate_series(31, 40) n;
      ALTER TABLE $t ENABLE TRIGGER ALL`);
    expect(await mirror.sync()).toMatchObject({ tracking: "mended", inserted: 10 });
    // ALWAYS, as before: also for who plays the replica.
    await mirror.run(
      "SET session_replication_role = replica; UPDATE $t SET a = 'b' WHERE id = 31; RESET ALL",
    );
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1 });
    await mirror.compare();
  });
});
