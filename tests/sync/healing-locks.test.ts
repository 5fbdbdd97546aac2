import postgres from "postgres";
import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { openAnother } from "../support/paged-mirror.js";

const open = useMirrors();

const PLAIN = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 30) n";
const waiting = (name: string) =>
  `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT datahub_sync.${name}(%'`;
const DISABLE = "ALTER TABLE $t DISABLE TRIGGER ALL";

async function loaded(ddl = PLAIN): Promise<MirrorFixture> {
  const mirror = await open({ ddl: `${ddl}; ${ROWS}` });
  await mirror.sync();
  return mirror;
}

/** An owner's transaction, open until the work is done. */
async function during<T>(mirror: MirrorFixture, sql: string, work: () => Promise<T>): Promise<T> {
  const owner = postgres(mirror.db.url, { max: 1, onnotice: () => {} });
  try {
    await owner.unsafe(`BEGIN; ${sql.replaceAll("$t", mirror.table)}`);
    const result = await work();
    await owner.unsafe("COMMIT");
    return result;
  } finally {
    await owner.end();
  }
}

describe("healing waits for nobody for long", () => {
  test("while somebody writes, the run compares and says so; the next one mends", async () => {
    const mirror = await loaded();
    await mirror.run(DISABLE);
    const report = await during(mirror, "UPDATE $t SET a = 'under way' WHERE id = 1", () => mirror.runSync());
    expect(report).toMatchObject({
      exitCode: 3,
      tables: [{ outcome: "done", mode: "full", tracking: "unmended" }],
    });
    expect(report.tables[0]!.notices).toContainEqual({
      code: "TRACKING_UNMENDED",
      message: expect.stringMatching(/writing to it: the next run tries again/) as string,
    });
    expect(await mirror.runSync()).toMatchObject({
      exitCode: 0,
      tables: [{ mode: "full", tracking: "mended", updated: 1 }],
    });
    await mirror.compare();
    await mirror.run("UPDATE $t SET a = 'later' WHERE id = 2");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1 });
  });

  test("an old trigger function's writers have ended before the snapshot: what they changed is not missed", async () => {
    const mirror = await loaded();
    await mirror.run("ALTER TABLE $t ADD COLUMN b text");
    await during(mirror, "UPDATE $t SET b = 'under the old function' WHERE id = 1", async () => {
      expect(await mirror.runSync()).toMatchObject({ exitCode: 3, tables: [{ tracking: "unmended" }] });
    });
    await mirror.sync();
    await mirror.compare();
  });

  test("a new partition is mended beside writers of the others: they are not waited for", async () => {
    const mirror = await loaded(
      `CREATE TABLE $t (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
       CREATE TABLE $t_1 PARTITION OF $t FOR VALUES FROM (0) TO (100)`,
    );
    await mirror.run("CREATE TABLE $t_2 PARTITION OF $t FOR VALUES FROM (100) TO (200)");
    await during(mirror, "UPDATE $t_1 SET a = 'under way' WHERE id = 1", async () => {
      expect(await mirror.runSync()).toMatchObject({ exitCode: 0, tables: [{ tracking: "mended" }] });
    });
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1 });
    await mirror.compare();
  });

  test("what a table that is gone has left on others is no reason to wait for their readers", async () => {
    const mirror = await open({
      ddl: `${PLAIN}; ${ROWS}; CREATE TABLE $t_p (LIKE $t INCLUDING ALL) PARTITION BY RANGE (id);
            CREATE TABLE $t_p1 PARTITION OF $t_p FOR VALUES FROM (0) TO (100)`,
      mirrors: [{ relation: "$t" }, { relation: "$t_p" }],
    });
    await mirror.sync();
    mirror.config.mirrors.pop();
    // A detached partition keeps the trigger that is its own.
    await mirror.run(`ALTER TABLE $t_p DETACH PARTITION $t_p1; DROP TABLE $t_p; ${DISABLE}`);
    await during(mirror, "SELECT FROM $t_p1", async () => {
      expect(await mirror.sync()).toMatchObject({ tracking: "mended" });
    });
    const left = () => mirror.run("SELECT tgname FROM pg_trigger WHERE tgrelid = '$t_p1'::regclass");
    expect(await left()).toHaveLength(1);
    await mirror.run(DISABLE);
    await mirror.sync();
    expect(await left()).toEqual([]);
  });

  test("what others are purging of the log of a table that is gone is not waited for", async () => {
    const mirror = await loaded();
    await mirror.run(`UPDATE $t SET a = 'b'; DROP TABLE $t; ${PLAIN}; ${ROWS}`);
    await during(mirror, "DELETE FROM datahub_sync.changes", async () => {
      expect(await mirror.sync()).toMatchObject({ tracking: "mended" });
    });
  });

  test("untrack locks nobody out while it empties the log", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b'");
    const untracking = await during(mirror, "DELETE FROM datahub_sync.changes", async () => {
      const answer = mirror.run("SELECT datahub_sync.untrack('$t') AS removed");
      await expect.poll(() => mirror.run(waiting("untrack"))).toHaveLength(1);
      await mirror.run("SET lock_timeout = '1s'; UPDATE $t SET a = 'c'; RESET lock_timeout");
      return { answer };
    });
    expect(await untracking.answer).toEqual([{ removed: true }]);
  });

  test("readers hold nothing off: not even a trigger that is of no use any more", async () => {
    const mirror = await open({
      ddl: `CREATE TABLE $t (id int PRIMARY KEY, a text, updated_at timestamp); INSERT INTO $t VALUES (1, 'a')`,
      mirrors: [{ relation: "$t", updatedAt: "content" }],
    });
    await mirror.sync();
    await mirror.run("ALTER TABLE $t DROP COLUMN updated_at");
    await during(mirror, "SELECT FROM $t", async () => {
      expect(await mirror.sync()).toMatchObject({ tracking: "mended" });
    });
    await mirror.run("UPDATE $t SET a = 'b'");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 1 });
    mirror.config.mirrors[0]!.updatedAt = "as-written";
    await mirror.run("ALTER TABLE $t ADD COLUMN c text");
    await mirror.migrate();
    const left = "SELECT FROM pg_trigger WHERE tgrelid = '$t'::regclass AND tgname ~ 'content'";
    expect(await mirror.run(left)).toEqual([]);
    await mirror.sync();
    await mirror.compare();
  });

  test("a span of time that is over is not waited in, however many tables there are to lock", async () => {
    const mirror = await loaded(`${PLAIN}; CREATE TABLE $t_2 (id int)`);
    const lock = (patience: string) =>
      mirror.run(`SELECT datahub_sync.keep_writers_out(ARRAY['$t', '$t_2']::regclass[], '${patience}')`);
    await lock("1 second");
    await during(mirror, "LOCK TABLE $t_2 IN ROW EXCLUSIVE MODE", async () => {
      await expect(lock("50 milliseconds")).rejects.toMatchObject({ code: "55P03" });
      await expect(lock("0")).rejects.toMatchObject({ code: "55P03" });
    });
    // All of it counts, where nothing is held, too.
    await mirror.run(DISABLE);
    const track = (patience: string) =>
      mirror.run(`SELECT datahub_sync.track('$t', NULL, '{}', NULL, 'as-written', NULL, '${patience}')`);
    await expect(track("0")).rejects.toMatchObject({ code: "55P03" });
    await track("1 second");
  });
});

describe("several at once", () => {
  test("two deployments' runs that heal one table: both end well, and it is tracked once", async () => {
    const mirror = await loaded();
    const other = await openAnother(mirror);
    await other.migrate();
    await other.sync();
    for (const drift of [DISABLE, `DROP TABLE $t; ${PLAIN}; ${ROWS}`, "ALTER TABLE $t ADD COLUMN b text"]) {
      await mirror.run(drift);
      const reports = await Promise.all([mirror.runSync(), other.runSync()]);
      for (const { tables } of reports) expect(tables[0]).toMatchObject({ outcome: "done" });
      await mirror.runSync();
      await other.runSync();
      for (const each of [mirror, other]) {
        expect(await each.sync()).toMatchObject({ mode: "delta", tracking: "intact" });
        await each.compare();
      }
    }
  });

  test("an untrack that is under way has the last word", async () => {
    const mirror = await loaded();
    await mirror.run(DISABLE);
    const healing = await during(mirror, "SELECT datahub_sync.untrack('$t')", async () => {
      const answer = mirror.run(
        `SELECT datahub_sync.heal('$t', '{id}', '{}', '{id,a}', '${mirror.config.target}') AS healed`,
      );
      await expect.poll(() => mirror.run(waiting("heal"))).toHaveLength(1);
      return { answer };
    });
    expect(await healing.answer).toEqual([{ healed: false }]);
    expect(
      await mirror.run("SELECT FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass"),
    ).toEqual([]);
  });

  test("a migrate beside runs", async () => {
    const mirror = await loaded();
    for (let n = 0; n < 5; n++) {
      await mirror.run(n % 2 === 0 ? DISABLE : `DROP TABLE $t; ${PLAIN}; ${ROWS}`);
      const [report] = await Promise.all([mirror.runSync(), mirror.migrate()]);
      expect(report.tables[0]).toMatchObject({ outcome: "done" });
    }
    await mirror.sync();
    expect(await mirror.sync()).toMatchObject({ mode: "delta", tracking: "intact" });
    await mirror.compare();
  });
});
