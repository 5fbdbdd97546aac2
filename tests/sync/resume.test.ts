import { describe, expect, test } from "vitest";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { MirrorFixture, useMirrors, SMALL_PAGES } from "../support/mirror-fixture.js";

const SETTINGS = { pageRows: 3, ...SMALL_PAGES, maxInFlight: 2 };

const open = useMirrors();

describe("invariant 3: the next run resumes with the interrupted run's snapshot", () => {
  const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";

  test("of a first load, at its cursor, however often it is interrupted", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    const first = await mirror.record();
    expect(first).toMatchObject({
      watermark: null,
      run_mode: "full",
      run_cursor: { kind: "load", after: "a5" },
    });

    // A row that the load has passed. A newer snapshot would see it as old, and nobody would ever send it.
    await mirror.run("UPDATE $t SET a = 'b' WHERE id = 1");
    await mirror.expireLease();
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    const second = await mirror.record();
    expect(second["run_snapshot"]).toBe(first["run_snapshot"]);
    expect(second).toMatchObject({ watermark: null, run_cursor: { kind: "load", after: "b10" } });

    await mirror.expireLease();
    const report = await mirror.sync();
    expect(report.notices).toContainEqual(expect.objectContaining({ code: "RESUMED" }));
    expect(report).toMatchObject({ read: 11, inserted: 5, updated: 1, unchanged: 5 });
    await mirror.compare();
  });

  test("of a delta, at its cursor", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
    await mirror.sync();
    const { watermark } = await mirror.record();
    await mirror.run("UPDATE $t SET a = 'b'");
    await watchRun(mirror, { crashBefore: nth(3, isProgress) });
    const crashed = await mirror.record();
    expect(crashed).toMatchObject({
      watermark,
      run_mode: "delta",
      run_cursor: { kind: "delta" },
    });
    const { at } = crashed["run_cursor"] as { at: { xid: string; id: string } };
    const passed = await mirror.run(
      `SELECT key FROM datahub_sync.changes
        WHERE tracked_id = ${crashed["tracked_id"] as number} AND (xid, id) <= ('${at.xid}'::xid8, ${at.id})
          AND NOT pg_visible_in_snapshot(xid, '${watermark as string}')`,
    );
    expect(passed).toHaveLength(10); // two pages

    await mirror.run("UPDATE $t SET a = 'c' WHERE id = 3");
    await mirror.expireLease();
    let resumedWith: unknown;
    const resumed = await watchRun(mirror, {
      onStep: async (step) => {
        if (step === "Convex: beginRuns") resumedWith = (await mirror.record())["run_snapshot"];
      },
    });
    expect(resumedWith).toBe(crashed["run_snapshot"]);
    // 11 to 20 of the first run, of which 11 to 15 had been sent and not been noted; then the one that came since.
    expect(resumed.report!.tables[0]).toMatchObject({ read: 11, updated: 6, unchanged: 5 });
    await mirror.compare();
  });

  test("not where the table was tracked anew meanwhile: then everything is compared", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    await mirror.run("ALTER TABLE $t ADD COLUMN b text");
    await mirror.migrate();
    await mirror.expireLease();
    expect(await mirror.sync()).toMatchObject({ mode: "full", read: 20 });
    await mirror.compare();
  });
});

describe("invariant 3: the watermark moves only after Convex has acknowledged everything below it", () => {
  test("it stays where it was until the last call has been answered", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)", settings: SETTINGS });
    await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
    await mirror.sync();
    await mirror.run("UPDATE $t SET a = 'b'");
    await mirror.run("DELETE FROM $t WHERE id = 1");
    const { watermark } = await mirror.record();
    const seen: unknown[] = [];
    const { steps } = await watchRun(mirror, {
      onStep: async (step) => {
        if (step.startsWith("Convex:")) seen.push((await mirror.record())["watermark"]);
      },
    });
    expect(new Set(seen)).toEqual(new Set([watermark]));
    expect((await mirror.record())["watermark"]).not.toBe(watermark);
    const moves = steps.findIndex((step) => step.includes("moving the watermark"));
    expect(steps.slice(moves).filter((step) => step.startsWith("Convex:"))).toEqual([]);
  });

  test.each(["Postgres: announcing the end", "Convex: finishRuns", "Postgres: moving the watermark"])(
    "a crash before %s is recognised: nothing is compared for it, and nothing sent again",
    async (last) => {
      const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)", settings: SETTINGS });
      await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
      await mirror.sync();
      await mirror.run("UPDATE $t SET a = 'b' WHERE id < 4");
      const run = await watchRun(mirror, { crashBefore: (step) => step.startsWith(last) });
      expect(run.crashed).toBe(true);
      await mirror.expireLease();
      expect(await mirror.sync()).toMatchObject({ mode: "delta", inserted: 0, updated: 0, deleted: 0 });
      await mirror.compare();
    },
  );
});

test("deletions wait for a first load that another deployment's runs overtake", async () => {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)", settings: SETTINGS });
  await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
  const other = await MirrorFixture.create(mirror.db, mirror.table, { ddl: "SELECT 1", settings: SETTINGS });
  try {
    await watchRun(mirror, { crashBefore: nth(2, isProgress) });
    await mirror.run("DELETE FROM $t WHERE id = 1");
    for (let run = 0; run < 4; run++) {
      await other.sync();
      await mirror.run("UPDATE $t SET a = a || 'x' WHERE id = 20");
    }
    await other.sync();
    await other.compare();
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
    for (let run = 0; run < 3; run++) {
      await mirror.run("UPDATE $t SET a = a || 'x' WHERE id = 20");
      await mirror.sync();
      await other.sync();
    }
    // And once both have passed it, it is gone.
    const [left] = await mirror.run(
      `SELECT count(*)::int AS n FROM datahub_sync.changes JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
        WHERE relation_oid = '$t'::regclass AND kind = 'd'`,
    );
    expect(left).toEqual({ n: 0 });
  } finally {
    await other.close();
  }
});
