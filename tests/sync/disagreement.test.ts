import { describe, expect, test } from "vitest";
import { watchRun } from "../support/crash.js";
import { createMigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture, NOTHING, useMirrors } from "../support/mirror-fixture.js";
import { copyDatabase, restoreDatabase } from "../support/postgres.js";

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 30) n";

async function loaded(): Promise<MirrorFixture> {
  const mirror = await open({ ddl: DDL });
  await mirror.run(ROWS);
  await mirror.sync();
  return mirror;
}

/** Two runs that change something, so that both sides remember more than the first load. */
async function goOn(mirror: MirrorFixture): Promise<void> {
  await mirror.run(
    "UPDATE $t SET a = 'later' WHERE id = 1; DELETE FROM $t WHERE id = 2; INSERT INTO $t VALUES (31, 'new')",
  );
  await mirror.sync();
  await mirror.run("UPDATE $t SET a = 'later still' WHERE id = 3");
  await mirror.sync();
}

async function expectFull(mirror: MirrorFixture, because: RegExp) {
  const report = await mirror.sync();
  expect(report.mode).not.toBe("delta");
  expect(report.notices).toContainEqual({
    code: "BECAME_FULL",
    message: expect.stringMatching(because) as string,
  });
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta" });
  return report;
}

describe("invariant 6: when the two sides disagree about their last run, the run becomes full and says so", () => {
  test("Postgres was restored to an earlier point: with its state, its xids and its oid", async () => {
    const db = await createMigratedDatabase();
    const mirror = await MirrorFixture.create(db, "restored", { ddl: DDL });
    try {
      await mirror.migrate();
      await mirror.run(ROWS);
      await mirror.sync();
      const backup = await copyDatabase(db);
      try {
        // A copy is not the source, though it has the source's id: somebody else may be writing to both.
        const copied = await mirror.withDatabase({ ...backup, database: db.database }).runSync();
        expect(copied.tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
        await goOn(mirror);
        await restoreDatabase(db, backup);
      } finally {
        await backup.drop();
      }
      expect(await expectFull(mirror, /one of the two was restored/)).toMatchObject({
        updated: 2,
        inserted: 1,
        deleted: 1,
      });
    } finally {
      await mirror.close();
      await db.drop();
    }
  });

  test("Convex was restored from a backup", async () => {
    const mirror = await loaded();
    const backup = mirror.deployment.export();
    await goOn(mirror);
    mirror.deployment.import(backup);
    expect(await expectFull(mirror, /one of the two was restored/)).toMatchObject({
      updated: 2,
      inserted: 1,
      deleted: 1,
    });
  });

  test("Convex was restored from a backup made in the middle of a run", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b'");
    let backup: ReturnType<typeof mirror.deployment.export> | undefined;
    await watchRun(mirror, {
      onStep: (step) => {
        if (step === "Convex: finishRuns") backup = mirror.deployment.export();
      },
    });
    await goOn(mirror);
    mirror.deployment.import(backup!);
    await expectFull(mirror, /one of the two was restored/);
  });

  test("the deployment is new, under the old URL", async () => {
    const mirror = await open({ ddl: DDL });
    const empty = mirror.deployment.export();
    await mirror.run(ROWS);
    await mirror.sync();
    await goOn(mirror);
    mirror.deployment.import(empty);
    expect(await expectFull(mirror, /new, or was restored or wiped/)).toMatchObject({ inserted: 30 });
  });

  test("the mirrored table was wiped", async () => {
    const mirror = await loaded();
    mirror.deployment.clearTable(mirror.table);
    expect(await expectFull(mirror, /documents .* are gone/)).toMatchObject({ mode: "deep", inserted: 30 });
  });

  test.each([[["datahubSyncLedger"]], [["datahubSyncLedger", "datahubSyncCounts"]], [["datahubSyncCounts"]]])(
    "%s of the sync's own tables were wiped, and no document is left twice",
    async (tables) => {
      const mirror = await loaded();
      for (const table of tables) mirror.deployment.clearTable(table);
      const report = await mirror.sync();
      expect(report.mode).toBe("deep");
      await mirror.compare();
    },
  );

  test("the ledger was wiped, and the run that mends it crashes: the next one finds the documents that are there twice", async () => {
    const mirror = await loaded();
    mirror.deployment.clearTable("datahubSyncLedger");
    const crashed = await watchRun(mirror, { crashBefore: (step) => step === "Convex: listDocuments" });
    expect(crashed.crashed).toBe(true);
    expect(mirror.documents()).toHaveLength(60);
    await mirror.expireLease();
    // What takes their place was inserted by the run that crashed, so to this one it is shrinkage: it asks.
    expect(await mirror.sync()).toMatchObject({ mode: "deep", heldBack: 30 });
    expect(await mirror.sync("delta", { allowDeletes: true })).toMatchObject({ deleted: 30, heldBack: 0 });
    await mirror.compare();
  });

  test("everything but the documents was wiped: they are strangers, until somebody allows their deletion", async () => {
    const mirror = await loaded();
    for (const table of ["datahubSyncLedger", "datahubSyncCounts", "datahubSyncMirrors"])
      mirror.deployment.clearTable(table);
    expect(await mirror.runSync()).toMatchObject({ exitCode: 5, totals: { inserted: 30, heldBack: 30 } });
    await mirror.sync("delta", { allowDeletes: true });
    await mirror.compare();
  });

  test("Postgres does not remember the mirror any more", async () => {
    const mirror = await loaded();
    await goOn(mirror);
    await mirror.run("DELETE FROM datahub_sync.mirrors WHERE name = '$t'");
    expect(await expectFull(mirror, /Postgres does not remember/)).toMatchObject({ read: 0 });
  });

  test("a run of that kind which crashes leaves no watermark that a delta could go on from", async () => {
    const mirror = await loaded();
    const backup = mirror.deployment.export();
    await goOn(mirror);
    mirror.deployment.import(backup);
    const crashed = await watchRun(mirror, { crashBefore: (step) => step === "Convex: listLedger" });
    expect(crashed.crashed).toBe(true);
    expect(await mirror.record()).toMatchObject({ watermark: null });
    await mirror.expireLease();
    expect(await mirror.sync()).toMatchObject({ mode: "full" });
    await mirror.compare();
  });
});

describe("invariant 6: where the lineage differs", () => {
  test("the run is refused and changes nothing; with takeOver the other database is the source from then on", async () => {
    const first = await loaded();
    const other = await createMigratedDatabase();
    try {
      const second = first.withDatabase(other);
      await second.run(DDL);
      await second.run("INSERT INTO $t SELECT n, 'of the other' FROM generate_series(21, 50) n");
      await second.migrate();
      const before = first.documents();

      const refused = await second.runSync();
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
      expect((await second.runSync("full")).tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
      expect(first.documents()).toEqual(before);
      expect(await first.sync()).toMatchObject({ ...NOTHING, mode: "delta" });

      const report = await second.sync("delta", { takeOver: true, allowDeletes: true });
      expect(report).toMatchObject({ mode: "full", updated: 10, inserted: 20, deleted: 20 });
      await second.compare();
      expect(await second.sync()).toMatchObject({ ...NOTHING, mode: "delta" });
      expect((await first.runSync()).tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
    } finally {
      await other.drop();
    }
  });

  test("the run is refused as well after the schema datahub_sync was dropped and made anew: the source has another id", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE datahub_sync.source SET id = gen_random_uuid()");
    expect((await mirror.runSync()).tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
    expect(await mirror.sync("delta", { takeOver: true })).toMatchObject({ mode: "full", read: 0 });
  });

  test("a take-over that crashes at any step is completed by the next run", async () => {
    const first = await loaded();
    const other = await createMigratedDatabase();
    try {
      const second = first.withDatabase(other);
      await second.run(DDL);
      await second.run("INSERT INTO $t SELECT n, 'of the other' FROM generate_series(1, 28) n");
      await second.migrate();
      const backup = first.deployment.export();
      const { steps } = await watchRun(second, { takeOver: true });
      for (const [index, step] of steps.entries()) {
        if (!/Convex|writing|announcing|moving/.test(step)) continue;
        first.deployment.import(backup);
        await second.run("DELETE FROM datahub_sync.mirrors");
        await second.run("DELETE FROM datahub_sync.leases");
        await watchRun(second, { takeOver: true, crashBefore: (_, at) => at === index });
        await second.expireLease();
        await second.sync("delta", { takeOver: true });
        await second.compare();
      }
    } finally {
      await other.drop();
    }
  });
});
