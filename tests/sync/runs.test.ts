import { describe, expect, test } from "vitest";
import type { UpdatedAt } from "../../src/model/config.js";
import { NOTHING, useMirrors } from "../support/mirror-fixture.js";

const TABLE =
  "CREATE TABLE $t (id int PRIMARY KEY, a text, n numeric(10,3), at timestamp, raw jsonb, updated_at timestamp)";
const ROWS = `INSERT INTO $t SELECT n, 'row ' || n, n / 3.0, '2025-01-01 00:00:00.000001'::timestamp + n * interval '1 s',
                     jsonb_build_object('k', n), '2025-01-01' FROM generate_series(1, 50) n`;

describe("a run", () => {
  const open = useMirrors();

  async function loaded(updatedAt: UpdatedAt = "as-written") {
    const mirror = await open({ ddl: TABLE, mirrors: [{ relation: "$t", updatedAt }] });
    await mirror.run(ROWS);
    await mirror.sync();
    return mirror;
  }

  test("invariant 1: a first load makes every document its row", async () => {
    const mirror = await open({ ddl: TABLE });
    await mirror.run(ROWS);
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "full", read: 50, inserted: 50 });
    await mirror.compare();
    expect(mirror.documents()[0]).toMatchObject({ id: 1, at: "2025-01-01T00:00:01.000001", raw: { k: 1 } });
  });

  test("invariant 1: an empty table is mirrored by an empty table, and its first row is a delta", async () => {
    const mirror = await open({ ddl: TABLE });
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "full" });
    await mirror.run("INSERT INTO $t (id) VALUES (1)");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta", read: 1, inserted: 1 });
    await mirror.compare();
  });

  test("invariant 4: nothing changed, nothing read, nothing written", async () => {
    const mirror = await loaded();
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta" });
    });
    // One document is looked at to see whether the table was wiped behind our back.
    expect(cost).toEqual({ documentsRead: 1, documentsWritten: 0, ledgerWritten: 0 });
  });

  test("invariant 4, complaint 3: a rewrite of every row with equal values reads and writes nothing", async () => {
    const mirror = await loaded("content");
    await mirror.run("UPDATE $t SET a = a, n = n, raw = raw, updated_at = now()");
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync()).toMatchObject(NOTHING);
    });
    expect(cost).toEqual({ documentsRead: 1, documentsWritten: 0, ledgerWritten: 0 });
    await mirror.compare();
  });

  test("invariant 4: one changed row among rewritten ones is exactly one", async () => {
    const mirror = await loaded("content");
    await mirror.run("UPDATE $t SET a = CASE WHEN id = 7 THEN 'changed' ELSE a END, updated_at = now()");
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    });
    expect(cost).toMatchObject({ documentsWritten: 1, ledgerWritten: 1 });
    await mirror.compare();
  });

  test("invariant 4: where updated_at is as written, a rewrite that leaves it alone costs nothing either", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = a, n = n, raw = raw, updated_at = updated_at");
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync()).toMatchObject(NOTHING);
    });
    expect(cost).toEqual({ documentsRead: 1, documentsWritten: 0, ledgerWritten: 0 });
  });

  test("where updated_at is as written, each that moves arrives, and status says what that costs", async () => {
    const mirror = await loaded();
    for (let run = 1; run <= 2; run++) {
      expect((await mirror.status()).notices).toEqual([]);
      await mirror.run(`UPDATE $t SET a = a, updated_at = '2025-02-0${run}'`);
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 50, updated: 50 });
      await mirror.compare();
    }
    const { tables, notices } = await mirror.status();
    expect(tables[0]).toMatchObject({
      updatedAt: "as-written",
      changesRead: { total: 100, timestampsAlone: 100 },
    });
    expect(notices).toEqual([
      { code: "TIMESTAMPS_ALONE", message: expect.stringContaining("100 % of the 100 changes") as string },
    ]);
  });

  test("a key that is logged again and again is read once", async () => {
    const mirror = await loaded();
    for (let n = 1; n <= 20; n++) await mirror.run(`UPDATE $t SET a = 'version ${n}' WHERE id = 7`);
    expect((await mirror.status()).tables[0]).toMatchObject({ changesWaiting: 1 });
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    await mirror.compare();
  });

  test("inserts, updates and deletions arrive as such", async () => {
    const mirror = await loaded();
    await mirror.run("INSERT INTO $t (id, a) VALUES (100, 'new'), (101, NULL)");
    await mirror.run("UPDATE $t SET a = 'changed' WHERE id IN (1, 2, 3)");
    await mirror.run("DELETE FROM $t WHERE id IN (4, 5)");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 5, inserted: 2, updated: 3, deleted: 2 });
    await mirror.compare();
  });

  test("a row that came and went between two runs is nothing", async () => {
    const mirror = await loaded();
    await mirror.run("INSERT INTO $t (id) VALUES (100)");
    await mirror.run("DELETE FROM $t WHERE id = 100");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING });
    await mirror.compare();
  });

  test("a row that went and came back is an update, and no deletion", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t WHERE id = 5");
    await mirror.run("INSERT INTO $t (id, a) VALUES (5, 'again')");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    await mirror.compare();
  });

  test("a changed key is an insertion and a deletion", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET id = 500 WHERE id = 5");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, inserted: 1, deleted: 1 });
    await mirror.compare();
  });

  test("complaint 12: a deletion that is repeated for an absent key inserts nothing", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t WHERE id = 5");
    await mirror.sync();
    await mirror.run(
      `INSERT INTO datahub_sync.changes (tracked_id, kind, key)
       SELECT id, 'd', 'a5' FROM datahub_sync.tracked_tables WHERE relation_oid = '$t'::regclass`,
    );
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, deleted: 0 });
    await mirror.compare();
  });

  describe("TRUNCATE", () => {
    test("and a reload of equal content costs ledger reads alone", async () => {
      const mirror = await loaded();
      await mirror.sql.begin(async (tx) => {
        await tx.unsafe(`CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${mirror.table}`);
        await tx.unsafe(`TRUNCATE ${mirror.table}`);
        await tx.unsafe(`INSERT INTO ${mirror.table} SELECT * FROM kept`);
      });
      const cost = await mirror.cost(async () => {
        const report = await mirror.sync();
        expect(report).toMatchObject({ ...NOTHING, mode: "full" });
        expect(report.notices).toContainEqual(expect.objectContaining({ code: "BECAME_FULL" }));
      });
      expect(cost).toEqual({ documentsRead: 1, documentsWritten: 0, ledgerWritten: 0 });
      await mirror.compare();
    });

    test("and a reload of other content sends the difference", async () => {
      const mirror = await loaded();
      await mirror.run("TRUNCATE $t");
      await mirror.run(ROWS);
      await mirror.run("UPDATE $t SET a = 'changed' WHERE id = 9");
      await mirror.run("DELETE FROM $t WHERE id = 10");
      expect(await mirror.sync()).toMatchObject({
        ...NOTHING,
        mode: "full",
        read: 1,
        updated: 1,
        deleted: 1,
      });
      await mirror.compare();
      expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta" });
    });
  });

  test("complaint 2: rows that share one timestamp are each sent once", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'same moment', updated_at = '2025-06-01'");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 50, updated: 50 });
    await mirror.run("UPDATE $t SET a = 'later' WHERE id = 50; UPDATE $t SET updated_at = '2025-06-01'");
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, read: 1, updated: 1 });
    await mirror.compare();
  });

  test("a full run finds what went unmarked, and counts what is equal for nothing", async () => {
    const mirror = await loaded();
    await mirror.sql.begin(async (tx) => {
      await tx.unsafe(`UPDATE ${mirror.table} SET a = 'marked'`);
      await tx.unsafe(
        `UPDATE datahub_sync.mirrors SET watermark = pg_current_snapshot() WHERE name = '${mirror.table}'`,
      );
    });
    await mirror.run("UPDATE $t SET a = 'seen' WHERE id = 1");
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync("full")).toMatchObject({ ...NOTHING, mode: "full", read: 50, updated: 50 });
    });
    expect(cost.documentsWritten).toBe(50);
    await mirror.compare();
    expect(await mirror.cost(() => mirror.sync("full"))).toEqual({
      documentsRead: 1,
      documentsWritten: 0,
      ledgerWritten: 0,
    });
  });

  test("the watermark and the state document say when and up to where", async () => {
    const mirror = await loaded();
    const report = await mirror.sync();
    expect(report.watermark.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(mirror.state()).toMatchObject({
      running: false,
      highWaterMark: report.watermark.at,
      position: report.watermark.position,
      rows: 50,
      lastRun: { mode: "delta", outcome: "done", read: 0 },
    });
    const { tables, exitCode, running } = await mirror.status();
    expect(exitCode).toBe(0);
    expect(running).toEqual([]);
    expect(tables[0]).toMatchObject({
      watermark: report.watermark,
      rowsInPostgres: 50,
      rowsInMirror: 50,
      changesWaiting: 0,
      updatedAt: "as-written",
      tracking: "intact",
      problem: null,
      lastDelta: { outcome: "done", at: expect.stringMatching(/^\d{4}-.*T.*Z$/) as string },
      lastFull: { outcome: "done", at: expect.stringMatching(/^\d{4}-.*T.*Z$/) as string },
    });
    expect(tables[0]!.ageSeconds).toBeGreaterThanOrEqual(0);
    expect(tables[0]!.ageSeconds).toBeLessThan(60);
    await mirror.run("UPDATE $t SET a = 'waits' WHERE id < 4; DELETE FROM $t WHERE id = 4");
    expect((await mirror.status()).tables[0]).toMatchObject({ changesWaiting: 4 });
  });

  test("the history holds each run's report", async () => {
    const mirror = await loaded();
    const report = await mirror.runSync();
    const [row] = await mirror.run(
      `SELECT report, exit_code FROM datahub_sync.runs WHERE id = '${report.runId}'`,
    );
    expect(row).toEqual({ report: JSON.parse(JSON.stringify(report)) as unknown, exit_code: 0 });
  });
});
