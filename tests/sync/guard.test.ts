import { describe, expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const rows = (from: number, to: number) =>
  `INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(${from}, ${to}) n`;

async function loaded(count = 40): Promise<MirrorFixture> {
  const mirror = await open({ ddl: DDL });
  await mirror.run(rows(1, count));
  await mirror.sync();
  return mirror;
}

describe("invariant 8: a mirror that would shrink by more than 10 documents and 10 %", () => {
  test("keeps its documents; the run says so, goes on with everything else, and exits 5", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t WHERE id > 28; UPDATE $t SET a = 'changed' WHERE id = 1");
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 5, ok: false });
    expect(report.tables[0]).toMatchObject({ outcome: "done", updated: 1, deleted: 0, heldBack: 12 });
    expect(report.tables[0]!.notices).toContainEqual(
      expect.objectContaining({ code: "DELETIONS_HELD_BACK" }),
    );
    expect(mirror.documents()).toHaveLength(40);
    expect(mirror.documents().find(({ id }) => id === 1)).toMatchObject({ a: "changed" });
    const status = await mirror.status();
    expect(status.exitCode).toBe(5);
    expect(status.tables[0]).toMatchObject({ deletionsHeldBack: 12, rowsInPostgres: 28, rowsInMirror: 40 });
  });

  test("is reported again by each run, until somebody allows it", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t WHERE id > 20");
    for (const mode of ["delta", "delta", "full", "deep", "delta"] as const) {
      const report = await mirror.runSync(mode);
      expect([mode, report.exitCode, report.tables[0]!.heldBack]).toEqual([mode, 5, 20]);
    }
    expect(await mirror.runSync("delta", { allowDeletes: true })).toMatchObject({
      exitCode: 0,
      totals: { deleted: 20, heldBack: 0 },
    });
    await mirror.compare();
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0 });
  });

  test("complaint 8: is not emptied by a listing that is empty and successful", async () => {
    const mirror = await loaded();
    await mirror.run("TRUNCATE $t");
    expect(await mirror.sync()).toMatchObject({ mode: "full", deleted: 0, heldBack: 40 });
    expect(await mirror.sync("full")).toMatchObject({ deleted: 0, heldBack: 40 });
    expect(mirror.documents()).toHaveLength(40);
    await mirror.run(rows(1, 40));
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync()).toMatchObject({ heldBack: 0, deleted: 0, unchanged: 40 });
    });
    expect(cost.documentsWritten).toBe(0);
    await mirror.compare();
  });

  test("in one table does not hold up another", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); CREATE TABLE $t_b (id int PRIMARY KEY, a text)",
      mirrors: [{ relation: "$t" }, { relation: "$t_b" }],
    });
    await mirror.run(`${rows(1, 40)}; INSERT INTO $t_b SELECT * FROM $t`);
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id > 20; DELETE FROM $t_b WHERE id = 1");
    const report = await mirror.runSync();
    expect(report.exitCode).toBe(5);
    expect(report.tables.map(({ heldBack, deleted }) => [heldBack, deleted])).toEqual([
      [20, 0],
      [0, 1],
    ]);
  });
});

describe("invariant 8: deletions are made", () => {
  test.each([
    ["up to 10 documents, whatever their share", 12, "id <= 10", 10],
    ["up to 10 %, however many", 200, "id <= 20", 20],
  ])("%s", async (_, count, where, deleted) => {
    const mirror = await loaded(count);
    await mirror.run(`DELETE FROM $t WHERE ${where}`);
    expect(await mirror.sync()).toMatchObject({ deleted, heldBack: 0 });
    await mirror.compare();
  });

  test("but not one more than both", async () => {
    expect(await shrink(200, 21)).toMatchObject({ deleted: 0, heldBack: 21 });
    expect(await shrink(12, 11)).toMatchObject({ deleted: 0, heldBack: 11 });
  });

  async function shrink(count: number, by: number) {
    const mirror = await loaded(count);
    await mirror.run(`DELETE FROM $t WHERE id <= ${by}`);
    return mirror.sync();
  }

  test("where as many rows came as went: replacement is no shrinkage", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t");
    await mirror.run(rows(101, 140));
    expect(await mirror.sync()).toMatchObject({ inserted: 40, deleted: 40, heldBack: 0 });
    await mirror.compare();
    await mirror.run("TRUNCATE $t");
    await mirror.run(rows(201, 235));
    expect(await mirror.sync()).toMatchObject({ mode: "full", inserted: 35, deleted: 40, heldBack: 0 });
    await mirror.compare();
  });

  test("of rows that came and went between two runs: Convex never held them", async () => {
    const mirror = await loaded();
    await mirror.run(rows(1001, 3500));
    await mirror.run("DELETE FROM $t WHERE id > 1000 OR id = 1");
    expect(await mirror.sync()).toMatchObject({ inserted: 0, deleted: 1, heldBack: 0 });
    await mirror.compare();
  });

  test("not counting those, where the rest is still too much", async () => {
    const mirror = await loaded();
    await mirror.run(rows(1001, 1100));
    await mirror.run("DELETE FROM $t WHERE id > 1000 OR id <= 15");
    expect(await mirror.sync()).toMatchObject({ deleted: 0, heldBack: 15 });
  });

  test("unless the key lives again by then", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t WHERE id > 20");
    expect(await mirror.sync()).toMatchObject({ heldBack: 20 });
    await mirror.run(rows(31, 40));
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 10, heldBack: 0 });
    await mirror.compare();
  });
});

describe("invariant 8, complaint 8: documents that were there before the first load", () => {
  async function withStrangers(count: number): Promise<MirrorFixture> {
    const mirror = await open({ ddl: DDL });
    await mirror.run(rows(1, 5));
    for (let n = 0; n < count; n++) mirror.deployment.insert(mirror.table, { id: n, a: "of somebody else" });
    return mirror;
  }
  const strangers = (mirror: MirrorFixture) => mirror.documents().filter(({ a }) => a === "of somebody else");

  test("stay, are reported by every run, and go when somebody allows it", async () => {
    const mirror = await withStrangers(3);
    for (const mode of ["delta", "delta", "full", "deep", "delta"] as const) {
      const report = await mirror.runSync(mode);
      expect([mode, report.exitCode, report.tables[0]!.heldBack]).toEqual([mode, 5, 3]);
      expect([mode, strangers(mirror).length]).toEqual([mode, 3]);
    }
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 3, heldBack: 0 });
    await mirror.compare();
  });

  test("are nothing to complain about once they were removed by hand and the run may delete", async () => {
    const mirror = await withStrangers(3);
    await mirror.sync();
    for (const { _id } of strangers(mirror)) mirror.deployment.remove(_id);
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 0, heldBack: 0 });
    await mirror.compare();
  });
});
