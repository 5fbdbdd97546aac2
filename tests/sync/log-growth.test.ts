import { describe, expect, onTestFinished, test } from "vitest";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { openAnother, PAGED, QUIET, ROWS } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

async function loaded(): Promise<MirrorFixture> {
  const mirror = await open(PAGED);
  await mirror.run(ROWS);
  await mirror.sync();
  return mirror;
}

/** Entries of the log that are of the table. */
async function entries(mirror: MirrorFixture): Promise<number> {
  const [row] = await mirror.run(
    `SELECT count(*)::int AS n FROM datahub_sync.changes JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
      WHERE relation_oid = '$t'::regclass`,
  );
  return row!["n"] as number;
}

describe("invariant 4: a row that is touched again and again is read once", () => {
  test("in one transaction or in many, over several pages of the log", async () => {
    const mirror = await loaded();
    for (let round = 0; round < 20; round++)
      await mirror.run(`UPDATE $t SET a = 'round ${round}' WHERE id IN (3, 4, 5)`);
    await mirror.run(
      "DO $do$ BEGIN FOR n IN 1..50 LOOP UPDATE $t SET a = 'loop ' || n WHERE id = 4; END LOOP; END $do$",
    );
    expect(await entries(mirror)).toBeGreaterThanOrEqual(110);
    expect((await mirror.status()).tables[0]).toMatchObject({ changesWaiting: 3 });
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 3, updated: 3 });
    await mirror.compare();
    expect((await mirror.status()).tables[0]).toMatchObject({
      changesWaiting: 0,
      changesRead: { total: 110 },
    });
  });

  test("and one that comes and goes as often is no deletion but of what was there", async () => {
    const mirror = await loaded();
    for (let round = 0; round < 8; round++)
      await mirror.run(
        `DELETE FROM $t WHERE id IN (1, 50); INSERT INTO $t VALUES (1, 'round ${round}'), (50, 'round ${round}')`,
      );
    await mirror.run("DELETE FROM $t WHERE id = 50; DELETE FROM $t WHERE id = 2");
    expect(await mirror.sync()).toMatchObject({
      mode: "delta",
      read: 1,
      updated: 1,
      inserted: 0,
      deleted: 1,
    });
    await mirror.compare();
  });
});

describe("the log is purged", () => {
  test("of what the watermark of an earlier run has seen", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b'");
    expect(await entries(mirror)).toBe(20);
    await mirror.sync();
    expect(await entries(mirror)).toBe(20);
    await mirror.run("UPDATE $t SET a = 'c' WHERE id = 1");
    await mirror.sync();
    expect(await entries(mirror)).toBe(1);
    await mirror.sync();
    expect(await entries(mirror)).toBe(0);
    await mirror.compare();
  });

  test("only when the runs of all deployments are past it", async () => {
    const mirror = await loaded();
    const other = await openAnother(mirror);
    await other.migrate();
    await other.sync();
    await mirror.run("UPDATE $t SET a = 'b'; DELETE FROM $t WHERE id = 20");
    for (let run = 0; run < 3; run++) await mirror.sync();
    expect(await entries(mirror)).toBe(21);
    expect(await other.sync()).toMatchObject({ mode: "delta", read: 19, updated: 19, deleted: 1 });
    await other.compare();
    await mirror.sync();
    expect(await entries(mirror)).toBe(0);
    expect(await other.sync()).toMatchObject(QUIET);
  });

  test("not of what an interrupted first load of another deployment is going to ask for", async () => {
    const mirror = await loaded();
    const other = await openAnother(mirror);
    await other.migrate();
    await watchRun(other, { crashBefore: nth(2, isProgress) });
    await mirror.run("DELETE FROM $t WHERE id = 1; UPDATE $t SET a = 'b' WHERE id = 2");
    for (let run = 0; run < 3; run++) await mirror.sync();
    await other.expireLease();
    await other.sync();
    await other.compare();
  });

  test("not of what commits between the first snapshot of another deployment and its first word in Postgres", async () => {
    const mirror = await loaded();
    const other = await openAnother(mirror);
    await other.migrate();
    const isBegin = nth(1, (step) => step.startsWith("Postgres: writing the start of"));
    await watchRun(other, {
      onStep: async (step) => {
        if (!isBegin(step)) return;
        await mirror.run("DELETE FROM $t WHERE id = 1; UPDATE $t SET a = 'b' WHERE id = 2");
        for (let run = 0; run < 3; run++) await mirror.sync();
      },
    });
    await other.sync();
    await other.compare();
  });

  test("of what was logged while an old transaction is open, though not of what that one logs", async () => {
    const mirror = await loaded();
    const old = await mirror.sql.reserve();
    try {
      await old.unsafe(`BEGIN; UPDATE ${mirror.table} SET a = 'old' WHERE id = 1`);
      await mirror.run("UPDATE $t SET a = 'b' WHERE id > 1");
      await mirror.sync();
      await mirror.sync();
      expect(await entries(mirror)).toBe(0); // what is not committed is not there yet
      await old.unsafe("COMMIT");
    } finally {
      old.release();
    }
    expect(await entries(mirror)).toBe(1);
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 1, updated: 1 });
    await mirror.compare();
  });

  test("of a table that no deployment mirrors", async () => {
    const mirror = await loaded();
    await mirror.run(
      "CREATE TABLE $t_b (id int PRIMARY KEY); SELECT datahub_sync.track('$t_b'); INSERT INTO $t_b VALUES (1)",
    );
    await mirror.sync();
    const [left] = await mirror.run(
      "SELECT count(*)::int AS n FROM datahub_sync.changes JOIN datahub_sync.tracked_tables t ON t.id = tracked_id WHERE table_name = '$t_b'",
    );
    expect(left).toEqual({ n: 0 });
  });
});

describe("a mirror that no longer runs", () => {
  /** A deployment whose last run was so long ago. */
  async function idle(days: number): Promise<{ mirror: MirrorFixture; other: MirrorFixture }> {
    const mirror = await loaded();
    const other = await openAnother(mirror);
    await other.migrate();
    await other.sync();
    await mirror.run(
      `UPDATE datahub_sync.mirrors SET watermark_at = now() - interval '${days} days'
        WHERE target_id = (SELECT id FROM datahub_sync.targets WHERE url = '${other.config.convex.url}')`,
    );
    await mirror.run("UPDATE $t SET a = 'b'");
    await mirror.sync();
    // Other tests of the file leave none of their own.
    onTestFinished(async () => {
      await mirror.run("DELETE FROM datahub_sync.mirrors");
    });
    return { mirror, other };
  }

  test("is named by status, with what is kept for it and the size of the log", async () => {
    const { mirror, other } = await idle(2);
    await mirror.sync();
    const status = await mirror.status();
    expect(status.changeLog.entries).toBe(20);
    expect(status.changeLog.bytes).toBeGreaterThan(8192);
    expect(status.notices).toEqual([
      {
        code: "CHANGES_KEPT",
        message: expect.stringContaining(
          `20 entries of the change log are kept for the mirror ${mirror.table} of ${other.config.convex.url}`,
        ) as string,
      },
    ]);
    expect(await other.sync()).toMatchObject({ mode: "delta", updated: 20 });
    expect((await mirror.status()).notices).toEqual([]);
  });

  test("is not named before a day has passed, nor where nothing is kept for it", async () => {
    const { mirror, other } = await idle(0);
    expect((await mirror.status()).notices).toEqual([]);
    await other.sync();
    await mirror.run("UPDATE datahub_sync.mirrors SET watermark_at = now() - interval '9 days'");
    expect((await mirror.status()).notices).toEqual([]);
  });

  test("is forgotten after thirty days; should it run again, it compares", async () => {
    const { mirror, other } = await idle(31);
    await mirror.sync();
    await mirror.sync();
    expect(await entries(mirror)).toBe(0);
    expect(await other.record()).toEqual({});
    expect(await other.sync()).toMatchObject({ mode: "full", updated: 20 });
    await other.compare();
    expect(await other.sync()).toMatchObject(QUIET);
  });

  test("keeps its place after thirty days, if it is the one that runs", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE datahub_sync.mirrors SET watermark_at = now() - interval '31 days'");
    await mirror.run("UPDATE $t SET a = 'b'");
    expect(await mirror.sync()).toMatchObject({ mode: "delta", updated: 20 });
    await mirror.compare();
  });
});
