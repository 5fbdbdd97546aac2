import { describe, expect, test } from "vitest";
import { SyncError } from "../../src/model/errors.js";
import { acquireLease } from "../../src/state/take-lease.js";
import { watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";

const open = useMirrors();
const SETTINGS = { pageRows: 3, ...SMALL_PAGES, maxInFlight: 2 };

async function prepared(): Promise<MirrorFixture> {
  const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)", settings: SETTINGS });
  await mirror.run("INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 20) n");
  return mirror;
}

/** Another process's run that has taken over, and done nothing yet. */
async function takeOverLease(mirror: MirrorFixture): Promise<void> {
  await mirror.expireLease();
  await acquireLease(mirror.db.database, mirror.config.convex.url, {
    nonce: "of another run",
    holder: "another host",
    leaseMs: 60_000,
    mirrors: [mirror.table],
  });
}

describe("invariant 5: one run at a time", () => {
  test("complaint 9: of two runs at once, one goes on and the other says so and exits 4", async () => {
    const mirror = await prepared();
    let second: unknown;
    const first = await watchRun(mirror, {
      onStep: async (step) => {
        if (step !== "Convex: beginRuns") return;
        // The spies of this run are in its way: a run of its own process would not see them.
        second = await acquireByAnotherRun(mirror).catch((error: unknown) => error);
      },
    });
    expect(first.report).toMatchObject({ exitCode: 0 });
    expect(second).toBeInstanceOf(SyncError);
    expect(second).toMatchObject({ code: "LEASE_HELD", exitCode: 4 });
    expect((second as SyncError).message).toMatch(
      /Another run is going on: .*, process \d+, since \d{4}-\d\d-\d\dT/,
    );
    await mirror.compare();
  });

  async function acquireByAnotherRun(mirror: MirrorFixture): Promise<unknown> {
    return acquireLease(mirror.db.database, mirror.config.convex.url, {
      nonce: "second",
      holder: "x",
      leaseMs: 1000,
      mirrors: [mirror.table],
    });
  }

  test("a run whose lease was taken over can write nothing more to Postgres, and says so", async () => {
    const mirror = await prepared();
    await mirror.sync();
    await mirror.run("INSERT INTO $t VALUES (1000); UPDATE $t SET a = 'b'; DELETE FROM $t WHERE id = 1");
    const { steps } = await watchRun(mirror);
    const writes = [...steps.entries()].filter(([, step]) =>
      /writing the|announcing|moving the watermark|recording deletions/.test(step),
    );
    expect(writes.length).toBeGreaterThan(6);
    for (const [index, step] of writes) {
      await mirror.run(
        `INSERT INTO $t VALUES (${1000 + index}); UPDATE $t SET a = 'round ${index}';
         DELETE FROM $t WHERE id = (SELECT min(id) FROM $t)`,
      );
      const before = await mirror.record();
      const lost = await watchRun(mirror, {
        onStep: async (_, at) => {
          if (at === index) await takeOverLease(mirror);
        },
      });
      expect([step, lost.report?.tables[0]!.error?.code]).toEqual([step, "LEASE_LOST"]);
      expect(lost.report!.notices).toContainEqual(expect.objectContaining({ code: "RUN_NOT_RECORDED" }));
      expect((await mirror.record())["watermark"]).toBe(before["watermark"]);
      const [lease] = await mirror.run(
        `SELECT nonce, released FROM datahub_sync.leases JOIN datahub_sync.targets ON id = target_id
          WHERE url = '${mirror.config.convex.url}'`,
      );
      expect(lease).toEqual({ nonce: "of another run", released: false });
      await mirror.expireLease();
      await mirror.sync();
      await mirror.compare();
    }
  });

  test("a run that is overtaken in Convex can write nothing more there, and says so", async () => {
    const mirror = await prepared();
    await mirror.sync();
    for (const call of ["applyBatch", "finishRuns"]) {
      await mirror.run(`UPDATE $t SET a = 'before ${call}'`);
      const before = mirror.documents();
      const overtaken = await watchRun(mirror, {
        onStep: async (step) => {
          if (step !== `Convex: ${call}`) return;
          const { lineage, epoch } = mirror.state() as { lineage: string; epoch: bigint };
          const begin = {
            tables: [mirror.table],
            lineage,
            epoch: epoch + 1n,
            nonce: "of another run",
            takeOver: false,
          };
          await mirror.deployment.runMutation("datahubSync:beginRuns", {
            syncKey: mirror.config.convex.syncKey.reveal(),
            ...begin,
          });
        },
      });
      expect([call, overtaken.report?.tables[0]!.error?.code]).toEqual([call, "LEASE_LOST"]);
      if (call === "applyBatch") expect(mirror.documents()).toEqual(before);
      expect(mirror.state()).toMatchObject({ nonce: "of another run", running: true });
      await mirror.sync();
      await mirror.compare();
    }
  });

  test("the next run names the one that ended without releasing its lease", async () => {
    const mirror = await prepared();
    await watchRun(mirror, { crashBefore: (step) => step === "Convex: beginRuns" });
    await expect(mirror.runSync()).rejects.toMatchObject({ code: "LEASE_HELD", exitCode: 4 });
    expect((await mirror.status()).running[0]).toMatchObject({
      mirrors: [mirror.table],
      holder: expect.stringContaining("process") as string,
      epoch: "1",
      acquiredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
    await mirror.expireLease();
    const report = await mirror.runSync();
    expect(report.notices).toEqual([
      {
        code: "LEASE_TAKEN_OVER",
        message: expect.stringMatching(
          /^The run of .+, process \d+, begun at \d{4}-\d\d-\d\dT[\d:.]+Z, neither ended nor renewed its lease;/,
        ) as string,
      },
    ]);
  });
});

describe("a table that fails", () => {
  test("leaves the others alone", async () => {
    const mirror = await open({
      ddl: "CREATE TABLE $t (id int PRIMARY KEY); CREATE TABLE $t_b (id int PRIMARY KEY)",
      mirrors: [{ relation: "$t" }, { relation: "$t_b" }],
    });
    await mirror.run("INSERT INTO $t VALUES (1); INSERT INTO $t_b VALUES (1)");
    await mirror.run("DROP TABLE $t");
    const report = await mirror.runSync();
    expect(report).toMatchObject({ exitCode: 1, ok: false });
    expect(report.tables[0]).toMatchObject({ outcome: "failed", error: { code: "RELATION_MISSING" } });
    expect(report.tables[1]).toMatchObject({ outcome: "done", inserted: 1 });
  });
});
