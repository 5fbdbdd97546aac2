import { describe, expect, test, vi } from "vitest";
import type * as Identity from "../../src/source/source-identity.js";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture, useMirrors } from "../support/mirror-fixture.js";
import { expectFull, loadedMirror, PAGED, QUIET, ROWS } from "../support/paged-mirror.js";
import { copyDatabase, restoreDatabase, type TestDatabase } from "../support/postgres.js";

const source = vi.hoisted(() => ({ timeline: null as string | null }));
vi.mock("../../src/source/source-identity.js", async (original) => {
  const actual = await original<typeof Identity>();
  return {
    ...actual,
    get TIMELINE() {
      return source.timeline === null ? actual.TIMELINE : `'${source.timeline}'::text`;
    },
  };
});

const open = useMirrors();

describe("invariant 6: Postgres was restored", () => {
  /** A database of its own, that is put back by `work`. */
  async function withBackups(
    work: (mirror: MirrorFixture, backup: () => Promise<TestDatabase>, db: MigratedDatabase) => Promise<void>,
  ): Promise<void> {
    const db = await createMigratedDatabase();
    const mirror = await MirrorFixture.create(db, "restored", PAGED);
    const backups: TestDatabase[] = [];
    try {
      await mirror.migrate();
      await mirror.run(ROWS);
      await mirror.sync();
      const backup = async () => {
        backups.push(await copyDatabase(db));
        return backups.at(-1)!;
      };
      await work(mirror, backup, db);
    } finally {
      await mirror.close();
      for (const backup of backups) await backup.drop();
      await db.drop();
    }
  }

  test("far enough back that its epoch is behind that of Convex", () =>
    withBackups(async (mirror, backup, db) => {
      const first = await backup();
      for (let run = 0; run < 4; run++) {
        await mirror.run(`UPDATE $t SET a = 'of run ${run}' WHERE id = ${run + 1}`);
        await mirror.sync();
      }
      const { epoch } = mirror.state() as { epoch: bigint };
      await restoreDatabase(db, first);
      const [lease] = await mirror.run("SELECT epoch::text FROM datahub_sync.leases");
      expect(Number(lease!["epoch"])).toBeLessThan(Number(epoch));
      await expectFull(mirror, /one of the two was restored/);
      expect((mirror.state() as { epoch: bigint }).epoch).toBeGreaterThan(epoch);
    }));

  test("to the middle of a run that went on and then crashed: what it had read since never was", () =>
    withBackups(async (mirror, backup, db) => {
      await mirror.run("UPDATE $t SET a = 'before' WHERE id <= 10");
      let copy: TestDatabase | undefined;
      const isFirst = nth(1, isProgress);
      const crashed = await watchRun(mirror, {
        crashBefore: (step) => step === "Convex: finishRuns",
        onStep: async (step) => {
          if (!isFirst(step)) return;
          copy = await backup();
          // The tenth row is of the second page, which the run has yet to read.
          await mirror.run("UPDATE $t SET a = 'lost' WHERE id IN (1, 10, 15)");
        },
      });
      expect(crashed.crashed).toBe(true);
      expect(mirror.documents().filter(({ a }) => a === "lost").length).toBeGreaterThan(0);
      await restoreDatabase(db, copy!);
      await mirror.expireLease();
      await expectFull(mirror, /Postgres was restarted or restored since the last run was interrupted/);
    }));

  test("two copies of one database take turns: each run leaves the mirror equal to its own source", () =>
    withBackups(async (mirror, backup, db) => {
      let resting = await backup();
      for (let turn = 1; turn <= 3; turn++) {
        await mirror.run(
          `UPDATE $t SET a = 'of turn ${turn}' WHERE id % 3 = ${turn % 3};
           DELETE FROM $t WHERE id = ${turn}; INSERT INTO $t VALUES (${100 + turn}, 'of turn ${turn}')`,
        );
        if (turn === 1) await mirror.sync();
        else await expectFull(mirror, /one of the two was restored/);
        await mirror.compare();
        const next = await backup();
        await restoreDatabase(db, resting);
        resting = next;
      }
    }));

  test("to another cluster, from a dump: refused with the reason, and taken over when that is meant", async () => {
    const mirror = await loadedMirror(open);
    const [{ id } = { id: "" }] = (await mirror.run("SELECT id::text FROM datahub_sync.source")) as [
      { id: string },
    ];
    const other = await createMigratedDatabase({ version: 15 });
    try {
      // As a dump leaves it: our state and the source's id are there, the cluster is another.
      const dumped = mirror.withDatabase(other);
      await dumped.run(PAGED.ddl);
      await dumped.run(`${ROWS}; UPDATE $t SET a = 'of the dump' WHERE id = 1; DELETE FROM $t WHERE id = 2`);
      await dumped.run(`UPDATE datahub_sync.source SET id = '${id}'`);
      await dumped.migrate();
      const before = mirror.documents();
      for (const mode of ["delta", "full", "deep"] as const) {
        const refused = await dumped.runSync(mode);
        expect(refused.exitCode).toBe(1);
        expect(refused.tables[0]).toMatchObject({
          outcome: "failed",
          read: 0,
          calls: 0,
          error: {
            code: "LINEAGE_MISMATCH",
            message: expect.stringMatching(/was made from another database/) as string,
            remedy: expect.stringMatching(/--take-over/) as string,
          },
        });
      }
      expect(mirror.documents()).toEqual(before);
      expect(await dumped.sync("delta", { takeOver: true })).toMatchObject({
        mode: "full",
        updated: 1,
        deleted: 1,
      });
      await dumped.compare();
      expect(await dumped.sync()).toMatchObject(QUIET);
    } finally {
      await other.drop();
    }
  });

  test("or failed over while a run was going on: the run ends with an error, and nothing counts as done", async () => {
    const mirror = await loadedMirror(open);
    await mirror.run("UPDATE $t SET a = 'b' WHERE id = 1");
    const { watermark } = await mirror.record();
    try {
      const { report } = await watchRun(mirror, {
        onStep: (step) => {
          if (step === "Convex: applyBatch") source.timeline = "2/-";
        },
      });
      expect(report!.tables[0]).toMatchObject({
        outcome: "failed",
        error: {
          code: "DATABASE_FAILED",
          message: expect.stringMatching(/failed over, or was restored/) as string,
        },
      });
      expect((await mirror.record())["watermark"]).toBe(watermark);
      expect(mirror.state()).toMatchObject({ running: true });
    } finally {
      source.timeline = null;
    }
    await mirror.sync();
    await mirror.compare();
  });
});
