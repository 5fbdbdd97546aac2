import { defineTable } from "convex/server";
import { v } from "convex/values";
import { describe, expect, test } from "vitest";
import { mirrored } from "../../src/package/convex.js";
import type { RunReport } from "../../src/model/report.js";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text, n int)";
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n, n FROM generate_series(1, 20) n";
/** More than a document of Convex can hold. */
const TOO_WIDE = "repeat('x', 1100000)";
const nest = (levels: number) => `(repeat('[', ${levels}) || repeat(']', ${levels}))::jsonb`;
/** With the document itself, a level more than Convex takes. */
const TOO_DEEP = nest(16);

/** Documents equal the rows but for these, which have none. */
async function compareWithout(mirror: MirrorFixture, ids: number[]): Promise<void> {
  const expected = await mirror.run(
    `SELECT id, a, n FROM $t WHERE id <> ALL ('{${ids.join()}}') ORDER BY id`,
  );
  const actual = mirror.documents().map(({ _id, ...document }) => document);
  expect(actual.sort((x, y) => (x["id"] as number) - (y["id"] as number))).toEqual(expected);
}

/** A run in which a row is mended as soon as it has been set aside. */
async function mendAmidRun(mirror: MirrorFixture, id: number): Promise<RunReport | null> {
  let mended = false;
  const { report } = await watchRun(mirror, {
    onStep: async () => {
      if (mended) return;
      const setAside = await mirror.run("SELECT FROM datahub_sync.rejected_rows WHERE mirror = '$t'");
      if (setAside.length === 0) return;
      mended = true;
      await mirror.run(`UPDATE $t SET a = 'mended' WHERE id = ${id}`);
    },
  });
  expect(mended).toBe(true);
  return report;
}

describe("invariant 7: a row that cannot be mirrored losslessly", () => {
  test("complaint 5: is set aside with the reason, and the rest goes on", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 3, totals: { inserted: 19, rejected: 1 } });
    await compareWithout(mirror, [7]);
    const status = await mirror.status();
    expect(status.exitCode).toBe(3);
    expect(status.tables[0]!.rejected).toEqual([
      {
        key: "7",
        code: expect.any(String) as string,
        column: null,
        reason: expect.not.stringContaining("xxx") as string,
        since: expect.stringMatching(/^20\d\d-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/) as string,
      },
    ]);
  });

  test("is reported by each run until it is mended, and mirrored then", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    const [first] = (await mirror.status()).tables[0]!.rejected;
    // A full run tries it again; a delta reads it no more than any row that has not changed.
    for (const [mode, read] of [
      ["delta", 0],
      ["full", 1],
      ["delta", 0],
    ] as const) {
      const { exitCode, totals, tables } = await mirror.runSync(mode);
      const told = tables[0]!.notices.map(({ code }) => code);
      expect({ mode, exitCode, read: totals.read, rejected: totals.rejected, told }).toEqual({
        mode,
        exitCode: 3,
        read,
        rejected: 1,
        told: ["ROWS_SET_ASIDE"],
      });
    }
    await mirror.run(`UPDATE $t SET n = -1 WHERE id = 7`);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { read: 1, rejected: 1 } });
    expect((await mirror.status()).tables[0]!.rejected).toEqual([first]); // since the first time
    await mirror.run("UPDATE $t SET a = 'mended' WHERE id = 7");
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { inserted: 1, rejected: 0 } });
    await mirror.compare();
  });

  /** Of each kind of value that Convex does not hold, the column, how it is set, and the code of the refusal. */
  const UNMIRRORABLE: [column: string, value: string, code: string][] = [
    ["a", TOO_WIDE, "DOCUMENT_TOO_LARGE"],
    ["b", "decode(repeat('00', 1100000), 'hex')", "DOCUMENT_TOO_LARGE"],
    ["doc", TOO_DEEP, "TOO_DEEP"],
    ["docs", `ARRAY[${nest(15)}]`, "TOO_DEEP"],
    ["doc", "(SELECT jsonb_object_agg(n, n) FROM generate_series(1, 1025) n)", "TOO_MANY_FIELDS"],
    ["doc", "(SELECT jsonb_agg(n) FROM generate_series(1, 8193) n)", "TOO_MANY_ELEMENTS"],
    ["ns", "(SELECT array_agg(n) FROM generate_series(1, 8193) n)", "TOO_MANY_ELEMENTS"],
    ["raw", `'{"a": "\\ud800"}'`, "INVALID_UNICODE"],
    ["raw", `'{"\\udfff": 1}'`, "INVALID_UNICODE"],
  ];

  test("has one of these faults, is named with its column, and is no matter to the others", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text, b bytea, doc jsonb, docs jsonb[], ns int[], raw json)",
      mirrors: [{ relation: "$t", columns: { raw: { encoding: "json" } } }],
    });
    await mirror.run(
      `INSERT INTO $t SELECT n, 'row ' || n, '\\x00', ${nest(15)}, ARRAY[${nest(14)}] FROM generate_series(1, 30) n`,
    );
    for (const [n, [column, value]] of UNMIRRORABLE.entries()) {
      await mirror.run(`UPDATE $t SET ${column} = ${value} WHERE id = ${n + 1}`);
    }
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3 });
    const { rejected } = (await mirror.status()).tables[0]!;
    const byKey = new Map(rejected.map(({ key, code, column, reason }) => [key, { code, column, reason }]));
    for (const [n, [column, , code]] of UNMIRRORABLE.entries()) {
      const named = byKey.get(String(n + 1));
      expect(named).toMatchObject({ code, column: code === "DOCUMENT_TOO_LARGE" ? null : column });
      if (code === "DOCUMENT_TOO_LARGE") expect(named!.reason).toContain(`"${column}"`); // the largest one
    }
    expect(rejected).toHaveLength(UNMIRRORABLE.length);
    expect(mirror.documents()).toHaveLength(30 - UNMIRRORABLE.length);

    // The watermark has moved: what changes next is read alone.
    await mirror.run("UPDATE $t SET a = 'changed' WHERE id = 30");
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { read: 1, updated: 1 } });
    expect(mirror.documents().find(({ id }) => id === 30)).toMatchObject({ a: "changed" });
  });

  test("has a key as long as Postgres can index, and is named by it whole", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id text PRIMARY KEY, doc jsonb)" });
    // Hashes, which the index cannot compress.
    const long = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 82) n)";
    await mirror.run(`INSERT INTO $t VALUES (${long} || 'good', '1'), (${long} || 'bad', ${TOO_DEEP})`);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { inserted: 1, rejected: 1 } });
    const [bad] = (await mirror.status()).tables[0]!.rejected;
    expect(bad).toMatchObject({ code: "TOO_DEEP", key: expect.stringMatching(/^.{2624}bad$/) as string });
    expect(mirror.documents()[0]!["id"]).toMatch(/^.{2624}good$/);
    await mirror.run("DELETE FROM $t");
    expect(await mirror.sync()).toMatchObject({ deleted: 1, rejected: 0 });
  });

  test("is tried again as soon as its column has an encoding that holds it, by a run that compares all", async () => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, doc jsonb)" });
    await mirror.run(
      `INSERT INTO $t SELECT n, CASE n WHEN 7 THEN ${TOO_DEEP} ELSE '{"b": 1.0}' END FROM generate_series(1, 20) n`,
    );
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { inserted: 19, rejected: 1 } });
    mirror.config.mirrors[0]!.columns["doc"] = { encoding: "text" };
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 0, totals: { inserted: 1, updated: 19, rejected: 0 } });
    expect(report.tables[0]).toMatchObject({ mode: "full", notices: [{ code: "BECAME_FULL" }] });
    const printed = await mirror.run("SELECT id, doc::text FROM $t ORDER BY id");
    const documents = mirror.documents().map(({ _id, ...document }) => document);
    expect(documents.sort((a, b) => (a["id"] as number) - (b["id"] as number))).toEqual(printed);
    expect(await mirror.sync()).toMatchObject({ mode: "delta", read: 0, notices: [] });
  });

  test("is mirrored by the next run, if it is mended while the run goes on that sets it aside", async () => {
    const mirror = await open({ ddl: DDL, settings: { pageRows: 3 } });
    await mirror.run(ROWS);
    await mirror.sync();
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 1; UPDATE $t SET a = 'changed' WHERE id > 1`);
    expect(await mendAmidRun(mirror, 1)).toMatchObject({ exitCode: 3, totals: { rejected: 1 } });
    await compareWithout(mirror, [1]);
    expect(await mirror.sync()).toMatchObject({ mode: "delta", inserted: 1, rejected: 0, notices: [] });
    await mirror.compare();
  });

  test("is forgotten by the run that set it aside, if it is mended before that run reads what came since", async () => {
    const mirror = await open({ ddl: DDL, settings: { pageRows: 3 } });
    await mirror.run(ROWS);
    await mirror.sync();
    await mirror.run(
      `UPDATE $t SET a = 'changed' WHERE id < 20; UPDATE $t SET a = ${TOO_WIDE} WHERE id = 20`,
    );
    await watchRun(mirror, { crashBefore: nth(1, isProgress) });
    await mirror.expireLease();
    // It ends the interrupted run, and goes on with what was logged after that one's snapshot.
    const report = await mendAmidRun(mirror, 20);
    expect(report).toMatchObject({ exitCode: 0, totals: { rejected: 0 } });
    expect(report!.tables[0]!.notices).toMatchObject([{ code: "RESUMED" }]);
    expect((await mirror.status()).tables[0]!.rejected).toEqual([]);
    await mirror.compare();
  });

  test("is forgotten by a comparison when it is mirrored, if the run that mended it could not say so", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    await mirror.run("UPDATE $t SET a = 'mended' WHERE id = 7");
    let sent = false;
    const { crashed } = await watchRun(mirror, {
      mode: "full",
      crashBefore: (step) => sent && step.startsWith("Postgres"),
      onStep: (step) => void (sent ||= step === "Convex: applyBatch"),
    });
    expect(crashed).toBe(true);
    await mirror.expireLease();
    expect(await mirror.sync("full")).toMatchObject({ rejected: 0 });
    expect((await mirror.status()).tables[0]!.rejected).toEqual([]);
    await mirror.compare();
  });

  test("is forgotten by a comparison when it is gone, however many there are", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY, doc jsonb)",
      settings: { pageRows: 1 }, // 8 rows at once are looked up
    });
    const rows = `INSERT INTO $t SELECT n, CASE WHEN n <= 30 THEN '0' ELSE ${TOO_DEEP} END FROM generate_series(1, 48) n`;
    await mirror.run(rows);
    expect(await mirror.sync()).toMatchObject({ inserted: 30, rejected: 18 });
    await mirror.run(`TRUNCATE $t; ${rows}; DELETE FROM $t WHERE id IN (31, 47, 48)`);
    expect(await mirror.sync()).toMatchObject({ mode: "full", rejected: 15 });
  });

  test("is forgotten when it is gone, though deletions are held back", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id <= 15");
    expect(await mirror.sync()).toMatchObject({ heldBack: 14, rejected: 0 });
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 14, rejected: 0 });
    await mirror.compare();
  });

  test("does not leave its older document behind as if that were current", async () => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.sync();
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7; UPDATE $t SET a = 'x' WHERE id = 8`);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { updated: 1, rejected: 1 } });
    await compareWithout(mirror, [7]);
  });

  test.each(["delta", "full"] as const)("is forgotten when the row is deleted (%s)", async (mode) => {
    const mirror = await open({ ddl: DDL });
    await mirror.run(ROWS);
    await mirror.run(`UPDATE $t SET a = ${TOO_WIDE} WHERE id = 7`);
    await mirror.sync();
    await mirror.run("DELETE FROM $t WHERE id = 7");
    expect(await mirror.runSync(mode)).toMatchObject({ exitCode: 0, totals: { rejected: 0 } });
    await mirror.compare();
  });

  test("is one that the deployed schema refuses, too", async () => {
    const mirror = await open({
      ddl: DDL,
      schema: (table) => ({
        [table]: defineTable({
          id: mirrored(v.number()),
          a: mirrored(v.union(v.string(), v.literal("row 3"))),
          n: mirrored(
            v.union(v.literal(1), v.literal(2), ...Array.from({ length: 17 }, (_, n) => v.literal(n + 4))),
          ),
        }),
      }),
    });
    await mirror.run(ROWS);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 3, totals: { inserted: 19, rejected: 1 } });
    await compareWithout(mirror, [3]);
    expect((await mirror.status()).tables[0]!.rejected[0]!.reason).toContain('"n"');
  });

  test("is a fault of the whole table when nothing passes: the run stops and the watermark stays", async () => {
    const mirror = await open({
      ddl: DDL,
      schema: (table) => ({
        [table]: defineTable({ id: mirrored(v.string()), a: mirrored(v.string()), n: mirrored(v.number()) }),
      }),
    });
    await mirror.run("INSERT INTO $t SELECT n, 'row ' || n, n FROM generate_series(1, 60) n");
    const report = await mirror.runSync();
    expect(report.exitCode).toBe(1);
    expect(report.tables[0]!.error).toMatchObject({ code: "SYSTEMIC_REFUSAL" });
    expect(await mirror.record()).toMatchObject({ watermark: null, last_full_outcome: "SYSTEMIC_REFUSAL" });
    expect(mirror.documents()).toEqual([]);
  });

  test.each([
    ["of the first page all are", "true", 60],
    ["more than fifty are, and more than a tenth", "n > 400", 520],
  ])("is a fault of the whole table when %s: nothing is set aside for good", async (_title, bad, rows) => {
    const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, doc jsonb)" });
    await mirror.run(
      `INSERT INTO $t SELECT n, CASE WHEN ${bad} THEN ${TOO_DEEP} ELSE '0' END FROM generate_series(1, ${rows}) n`,
    );
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 1, tables: [{ error: { code: "SYSTEMIC_REFUSAL" } }] });
    expect(report.tables[0]!.error!.message).toContain("TOO_DEEP");
    expect(await mirror.record()).toMatchObject({ watermark: null });
    // When the fault is mended, the next run is complete.
    await mirror.run("UPDATE $t SET doc = '0'");
    expect(await mirror.runSync()).toMatchObject({ exitCode: 0, totals: { rejected: 0 } });
    await mirror.compare();
  });
});
