import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { describe, expect, onTestFinished, test } from "vitest";
import { verify, type VerifyOptions } from "../../src/commands/verify/verify.js";
import { datahubSyncTables, defineDatahubSync } from "../../src/package/convex.js";
import type { VerifyReport, VerifyTable } from "../../src/model/verify-report.js";
import { CallGate } from "../e2e/call-gate.js";
import { hurriedClock, useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors({ settings: { pageKeys: 20, pageHashes: 20, pageRows: 20 } });

const ROWS = 60;

/** A composite key, and values that are easily read wrong. */
async function loaded(): Promise<MirrorFixture> {
  const mirror = await open({
    ddl: `CREATE TABLE $t (region text, id int, at timestamptz, big int8, f float8, raw jsonb, note text, PRIMARY KEY (region, id));
          INSERT INTO $t SELECT 'r' || n % 3, n, timestamptz '2026-01-01 00:00:00.123456+00' + n * interval '1 hour',
                 9007199254740993 + n, CASE n % 3 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE 1.5 END, '{"k": [1, null]}',
                 CASE WHEN n % 2 = 0 THEN 'n' || n END
            FROM generate_series(1, ${ROWS}) n`,
  });
  await mirror.sync();
  return mirror;
}

async function look(mirror: MirrorFixture, given: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return verify({
    config: mirror.config,
    sample: null,
    dryRun: false,
    clock: hurriedClock,
    signal: new AbortController().signal,
    progress: {
      estimated: () => {},
      tableStarted: () => {},
      tableProgress: () => {},
      tableFinished: () => {},
    },
    ...given,
  });
}

const ALIKE = {
  different: 0,
  missing: 0,
  extra: 0,
  hash: 0,
  unknown: 0,
  waiting: 0,
  setAside: 0,
  heldBack: 0,
  unsettled: 0,
};
const only = ({ tables }: VerifyReport): VerifyTable => tables[0]!;
const find = (mirror: MirrorFixture, id: number) =>
  mirror.documents().find((document) => document["id"] === id)!;
const entryOf = (mirror: MirrorFixture, id: number) =>
  [...mirror.deployment.tableDocuments("datahubSyncLedger")].find(({ d }) => d === find(mirror, id)._id)!;

describe("verify", () => {
  test("says equal of what is equal, at the cost that it foretold, and changes nothing", async () => {
    const mirror = await loaded();
    const before = { record: await mirror.record(), state: mirror.state(), documents: mirror.documents() };
    mirror.deployment.resetUsage();
    const report = await look(mirror);
    expect(report).toMatchObject({ ok: true, exitCode: 0 });
    expect(only(report)).toMatchObject({
      ...ALIKE,
      outcome: "equal",
      equal: ROWS,
      caution: null,
      sampledOf: null,
    });
    const { byTable } = mirror.deployment.usage();
    expect(Object.values(byTable).reduce((sum, { documentsWritten }) => sum + documentsWritten, 0)).toBe(0);
    // And the one that the handshake looks at.
    expect(byTable[mirror.table]!.documentsRead).toBe(ROWS + 1);
    expect(report.estimate).toMatchObject({ documents: ROWS });
    expect({
      record: { ...(await mirror.record()) },
      state: mirror.state(),
      documents: mirror.documents(),
    }).toEqual(before);
  });

  test("names each key and column of what somebody has done by hand, and nothing else", async () => {
    const mirror = await loaded();
    const { deployment, table } = mirror;
    deployment.patch(find(mirror, 3)._id, { note: "edited" });
    deployment.patch(find(mirror, 4)._id, { raw: { k: [1, 2] }, f: -0, big: 1n });
    deployment.patch(find(mirror, 5)._id, { planted: true });
    deployment.patch(find(mirror, 6)._id, { note: undefined });
    deployment.remove(find(mirror, 7)._id);
    const stray = deployment.insert(table, { region: "r1", id: 3 });
    deployment.remove(entryOf(mirror, 9)["_id"]);
    deployment.patch(entryOf(mirror, 10)["_id"], { h: "another" });
    // As if its row had never been deleted in Convex: the tracking is off when it goes.
    await mirror.run(
      "ALTER TABLE $t DISABLE TRIGGER ALL; DELETE FROM $t WHERE id = 11; INSERT INTO $t (region, id) VALUES ('r9', 99); ALTER TABLE $t ENABLE TRIGGER ALL",
    );
    const report = await look(mirror);
    expect(report).toMatchObject({ ok: false, exitCode: 6 });
    const found = only(report);
    expect(found).toMatchObject({
      outcome: "different",
      equal: ROWS - 8,
      different: 4,
      missing: 3,
      extra: 1,
      hash: 1,
      unknown: 2,
    });
    const byKey = (one: { key: string }, other: { key: string }) => (one.key < other.key ? -1 : 1);
    expect([...found.differences].sort(byKey)).toEqual(
      [
        { kind: "different", key: "(r0,3)", columns: ["note"] },
        { kind: "different", key: "(r1,4)", columns: ["big", "f", "raw"] },
        { kind: "different", key: "(r2,5)", columns: ["planted"] },
        { kind: "different", key: "(r0,6)", columns: ["note"] },
        { kind: "missing", key: "(r1,7)", columns: [] },
        { kind: "missing", key: "(r0,9)", columns: [] },
        { kind: "missing", key: "(r9,99)", columns: [] },
        { kind: "hash", key: "(r1,10)", columns: [] },
        { kind: "extra", key: "(r2,11)", columns: [] },
        { kind: "unknown", key: stray, columns: [] },
        { kind: "unknown", key: find(mirror, 9)._id, columns: [] },
      ].sort(byKey),
    );
    await mirror.sync("deep", { allowDeletes: true });
    expect(only(await look(mirror))).toMatchObject({ ...ALIKE, outcome: "equal" });
  });

  test("what comes with the next run is no difference, nor what waits for a decision or cannot be held", async () => {
    const mirror = await loaded();
    await mirror.run("DELETE FROM $t WHERE id <= 20");
    await mirror.sync(); // held back
    await mirror.run(`UPDATE $t SET note = repeat('x', 1100000) WHERE id = 30`);
    await mirror.sync(); // set aside
    await mirror.run(`UPDATE $t SET note = 'newer' WHERE id = 40; DELETE FROM $t WHERE id = 41;
                      INSERT INTO $t (region, id) VALUES ('r0', 100)`);
    const found = only(await look(mirror));
    expect(found).toMatchObject({
      ...ALIKE,
      outcome: "equal",
      heldBack: 20,
      setAside: 1,
      waiting: 3,
      equal: ROWS - 23,
    });

    await mirror.run("TRUNCATE $t; INSERT INTO $t (region, id) VALUES ('r5', 1)");
    const truncated = only(await look(mirror));
    expect(truncated).toMatchObject({ outcome: "equal", different: 0, missing: 0, extra: 0 });
    expect(truncated.waiting).toBeGreaterThan(0);
  });

  test.each(["before the documents are read again", "between the documents and the rows"])(
    "a writer and a run %s make no difference",
    async (when) => {
      const mirror = await loaded();
      const gate = await CallGate.open(mirror.served.url);
      onTestFinished(() => gate.close());
      const config = { ...mirror.config, convex: { ...mirror.config.convex, url: gate.url } };
      await mirror.run("UPDATE $t SET note = 'first' WHERE id < 10");
      const path = "datahubSync:readDocuments";
      const held = when.startsWith("before") ? gate.hold(path, 0) : gate.catchOne(path, "answered");
      const looking = look(mirror, { config });
      await held.reached;
      await mirror.sync();
      await mirror.run("UPDATE $t SET note = 'second' WHERE id < 5");
      held.release();
      expect(only(await looking)).toMatchObject({ ...ALIKE, outcome: "equal", waiting: 4, equal: ROWS - 4 });
    },
  );

  test("a sample finds what is among the rows that it looks at, on both sides, and claims no more", async () => {
    const mirror = await loaded();
    const some = await look(mirror, { sample: 10 });
    expect(only(some)).toMatchObject({ ...ALIKE, outcome: "equal", sampledOf: ROWS });
    expect(only(some).equal).toBeGreaterThanOrEqual(10);
    expect(only(some).equal).toBeLessThan(ROWS);
    await mirror.run(
      "ALTER TABLE $t DISABLE TRIGGER ALL; DELETE FROM $t WHERE id % 2 = 0; ALTER TABLE $t ENABLE TRIGGER ALL",
    );
    mirror.deployment.patch(find(mirror, 3)._id, { note: "edited" });
    const all = only(await look(mirror, { sample: 100 }));
    // Every row that there is, and the ledger at some places.
    expect(all).toMatchObject({ different: 1, equal: ROWS / 2 - 1, sampledOf: ROWS });
    expect(all.extra).toBeGreaterThan(0);
  });

  test("a table that was never synced, and one that is gone, are said so, and the others are looked at", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_gone (id int PRIMARY KEY); INSERT INTO $t VALUES (1)",
      mirrors: [{ relation: "$t" }, { relation: "$t_gone" }],
    });
    expect(await look(mirror)).toMatchObject({
      exitCode: 6,
      tables: [{ outcome: "never-synced" }, { outcome: "never-synced" }],
    });
    await mirror.runSync();
    await mirror.run("DROP TABLE $t_gone");
    const report = await look(mirror);
    expect(report).toMatchObject({ ok: false, exitCode: 1 });
    expect(report.tables).toMatchObject([
      { outcome: "equal", equal: 1 },
      { outcome: "failed", error: { code: "RELATION_MISSING" } },
    ]);
    expect(await look(mirror, { dryRun: true })).toMatchObject({ ok: true, exitCode: 0, tables: [] });
  });

  test("a deployment whose functions are older is told to be deployed, where they are needed", async () => {
    const mirror = await loaded();
    const tables = { [mirror.table]: defineTable(v.any()) };
    const { readDocuments: _, ...older } = defineDatahubSync({ tables });
    mirror.deployment.deploy({
      modules: { datahubSync: older },
      schema: defineSchema({ ...datahubSyncTables, ...tables }),
    });
    expect(await look(mirror)).toMatchObject({ exitCode: 0 });
    expect(only(await look(mirror, { sample: 5 }))).toMatchObject({
      outcome: "failed",
      error: {
        code: "FUNCTIONS_NOT_DEPLOYED",
        remedy: expect.stringContaining("npx convex deploy") as string,
      },
    });
  });
});
