import { describe, expect, test, vi } from "vitest";
import type * as Identity from "../../src/source/source-identity.js";
import { watchRun, type Step } from "../support/crash.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture, useMirrors } from "../support/mirror-fixture.js";
import { copyDatabase, restoreDatabase, type TestDatabase } from "../support/postgres.js";

// Small pages, so that a few rows make several of them.
vi.mock("../../src/sync/run-context.js", () => ({ KEYS_PER_PAGE: 5, LEDGER_PAGE: 7 }));

const source = vi.hoisted(() => ({ timeline: null as string | null }));
vi.mock("../../src/source/source-identity.js", async (original) => {
  const actual = await original<typeof Identity>();
  return {
    ...actual,
    readIdentity: async (...args: Parameters<typeof actual.readIdentity>) => {
      const identity = await actual.readIdentity(...args);
      return source.timeline === null ? identity : { ...identity, timeline: source.timeline };
    },
  };
});

const open = useMirrors();
const DDL = "CREATE TABLE $t (id int PRIMARY KEY, a text)";
const ROWS = "INSERT INTO $t SELECT n, 'row ' || n FROM generate_series(1, 20) n";
const SETTINGS = { pageRows: 3, maxInFlight: 2 };
const QUIET = { mode: "delta", read: 0, inserted: 0, updated: 0, deleted: 0, heldBack: 0, notices: [] };

async function loaded(): Promise<MirrorFixture> {
  const mirror = await open({ ddl: DDL, settings: SETTINGS });
  await mirror.run(ROWS);
  await mirror.sync();
  return mirror;
}

/** One notice that says why, and a mirror that is equal. */
async function expectFull(mirror: MirrorFixture, because: RegExp): Promise<void> {
  const report = await mirror.sync("delta", { allowDeletes: true });
  expect(report.mode).not.toBe("delta");
  expect(report.notices).toEqual([
    { code: "BECAME_FULL", message: expect.stringMatching(because) as string },
  ]);
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(QUIET);
}

const nth = (n: number, matches: (step: Step) => boolean) => {
  let times = 0;
  return (step: Step) => matches(step) && ++times === n;
};
const isProgress = (step: Step) => step.includes("writing the progress");

describe("invariant 6: Postgres was restored", () => {
  /** A database of its own, that is put back by `work`. */
  async function withBackups(
    work: (mirror: MirrorFixture, backup: () => Promise<TestDatabase>, db: MigratedDatabase) => Promise<void>,
  ): Promise<void> {
    const db = await createMigratedDatabase();
    const mirror = await MirrorFixture.create(db, "restored", { ddl: DDL, settings: SETTINGS });
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
      const isLast = nth(1, (step) => step.startsWith("Convex: applyBatch"));
      const crashed = await watchRun(mirror, {
        crashBefore: (step) => step === "Convex: finishRun",
        onStep: async (step) => {
          if (isFirst(step)) copy = await backup();
          if (copy && isLast(step)) await mirror.run("UPDATE $t SET a = 'lost' WHERE id IN (1, 15)");
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
    const mirror = await loaded();
    const [{ id } = { id: "" }] = (await mirror.run("SELECT id::text FROM datahub_sync.source")) as [
      { id: string },
    ];
    const other = await createMigratedDatabase({ version: 15 });
    try {
      // As a dump leaves it: our state and the source's id are there, the cluster is another.
      const dumped = mirror.withDatabase(other);
      await dumped.run(DDL);
      await dumped.run(`${ROWS}; UPDATE $t SET a = 'of the dump' WHERE id = 1; DELETE FROM $t WHERE id = 2`);
      await dumped.run(`UPDATE datahub_sync.source SET id = '${id}'`);
      await dumped.migrate();
      const before = mirror.documents();
      for (const mode of ["delta", "full", "deep"] as const) {
        const refused = await dumped.runSync(mode);
        expect(refused.exitCode).toBe(1);
        expect(refused.tables[0]).toMatchObject({
          ...{ outcome: "failed", read: 0, calls: 0 },
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
    const mirror = await loaded();
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

describe("invariant 6: the deployment was restored, or exchanged", () => {
  test("to the middle of a run that went on and then crashed: what was acknowledged since is gone", async () => {
    const mirror = await open({ ddl: DDL, settings: SETTINGS });
    await mirror.run(ROWS);
    for (const work of ["a load", "a delta"]) {
      await mirror.run(`UPDATE $t SET a = '${work}'`);
      let backup: ReturnType<typeof mirror.deployment.export> | undefined;
      const isFirst = nth(1, isProgress);
      const crashed = await watchRun(mirror, {
        crashBefore: nth(4, isProgress),
        onStep: (step) => {
          if (isFirst(step)) backup = mirror.deployment.export();
        },
      });
      expect([work, crashed.crashed]).toEqual([work, true]);
      mirror.deployment.import(backup!);
      await mirror.expireLease();
      await expectFull(mirror, /Convex was restored to before what the interrupted run had written/);
    }
  });

  test("and the run that was to go on never began: the next one notices as well", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'b'");
    let backup: ReturnType<typeof mirror.deployment.export> | undefined;
    const isFirst = nth(1, isProgress);
    await watchRun(mirror, {
      crashBefore: nth(4, isProgress),
      onStep: (step) => {
        if (isFirst(step)) backup = mirror.deployment.export();
      },
    });
    await mirror.expireLease();
    await watchRun(mirror, { crashBefore: (step) => step === "Convex: beginRun" });
    mirror.deployment.import(backup!);
    await mirror.expireLease();
    await expectFull(mirror, /Convex was restored to before/);
  });

  test("two deployments of one source change places, by their URLs", async () => {
    const mirror = await loaded();
    const other = await MirrorFixture.create(mirror.db, mirror.table, {
      ddl: "SELECT 1",
      settings: SETTINGS,
    });
    try {
      await other.sync();
      await mirror.run("UPDATE $t SET a = 'b' WHERE id < 4; DELETE FROM $t WHERE id = 9");
      await other.sync();
      const [ours, theirs] = [mirror.deployment.export(), other.deployment.export()];
      mirror.deployment.import(theirs);
      other.deployment.import(ours);
      await expectFull(mirror, /one of the two was restored/);
      await expectFull(other, /one of the two was restored/);
    } finally {
      await other.close();
    }
  });

  test("the mirror moved to a deployment with another URL, documents and all", async () => {
    const mirror = await loaded();
    const other = await MirrorFixture.create(mirror.db, mirror.table, {
      ddl: "SELECT 1",
      settings: SETTINGS,
    });
    try {
      other.deployment.import(mirror.deployment.export());
      await mirror.run("UPDATE $t SET a = 'b' WHERE id < 4; DELETE FROM $t WHERE id = 9");
      await mirror.sync();
      await expectFull(other, /Postgres does not remember the last run/);
      expect(await mirror.sync()).toMatchObject(QUIET);
    } finally {
      await other.close();
    }
  });

  test("a deployment that mirrors another source, under the old URL, is left alone", async () => {
    const mirror = await loaded();
    const other = await createMigratedDatabase();
    try {
      const theirs = await MirrorFixture.create(other, mirror.table, { ddl: DDL, settings: SETTINGS });
      await theirs.migrate();
      await theirs.run("INSERT INTO $t VALUES (1, 'of another source')");
      await theirs.sync();
      mirror.deployment.import(theirs.deployment.export());
      await theirs.close();
      const refused = await mirror.runSync();
      expect(refused.tables[0]!.error).toMatchObject({ code: "LINEAGE_MISMATCH" });
      expect(mirror.documents()).toMatchObject([{ a: "of another source" }]);
      await mirror.sync("delta", { takeOver: true });
      await mirror.compare();
    } finally {
      await other.drop();
    }
  });

  const rowsCounted = async (mirror: MirrorFixture) => {
    const status = await mirror.status();
    return [status.tables[0]!.rowsInMirror, mirror.state()!["rows"]];
  };

  test.each([
    ["the ledger", ["datahubSyncLedger"]],
    ["the counts", ["datahubSyncCounts"]],
    ["both", ["datahubSyncLedger", "datahubSyncCounts"]],
    ["a mirrored table and the counts", ["$t", "datahubSyncCounts"]],
  ])("%s wiped: the mirror is equal, and its rows are counted anew", async (_, tables) => {
    const mirror = await loaded();
    for (const table of tables) mirror.deployment.clearTable(table.replace("$t", mirror.table));
    await mirror.sync();
    await mirror.compare();
    expect(await rowsCounted(mirror)).toEqual([20, 20]);
    expect(await mirror.sync()).toMatchObject(QUIET);
    await mirror.run("DELETE FROM $t WHERE id = 1; INSERT INTO $t VALUES (50), (51)");
    await mirror.sync();
    expect(await rowsCounted(mirror)).toEqual([21, 21]);
  });

  test("a count that is wrong on both sides alike is put right by a full run", async () => {
    const mirror = await loaded();
    mirror.deployment.clearTable("datahubSyncCounts");
    mirror.deployment.patch(mirror.state()!["_id"] as string, { rows: 0 });
    expect(await mirror.sync()).toMatchObject({ mode: "delta" });
    expect(await rowsCounted(mirror)).toEqual([0, 0]);
    await mirror.sync("full");
    expect(await rowsCounted(mirror)).toEqual([20, 20]);
  });

  test("counts wiped and a document removed: a deep run does not take the count's word for it", async () => {
    const mirror = await loaded();
    mirror.deployment.remove(mirror.documents().at(-1)!._id);
    mirror.deployment.clearTable("datahubSyncCounts");
    expect(await mirror.sync("deep")).toMatchObject({ mode: "deep", inserted: 1 });
    await mirror.compare();
  });
});

describe("one source and several mirrors of a table", () => {
  const kept = async (mirror: MirrorFixture) => {
    const [row] = await mirror.run(
      `SELECT count(*)::int AS n FROM datahub_sync.deletions JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
        WHERE table_name = '${mirror.table}'`,
    );
    return row!["n"] as number;
  };
  /** As if the mirror had not run for so long. */
  const rest = (mirror: MirrorFixture, days: number, name = mirror.table) =>
    mirror.run(
      `UPDATE datahub_sync.mirrors SET watermark_at = now() - interval '${days} days'
        WHERE name = '${name}' AND target_id = (SELECT id FROM datahub_sync.targets WHERE url = '${mirror.config.convex.url}')`,
    );

  test("in two deployments: both get every deletion, and none is forgotten before both have", async () => {
    const mirror = await loaded();
    const other = await MirrorFixture.create(mirror.db, mirror.table, {
      ddl: "SELECT 1",
      settings: SETTINGS,
    });
    try {
      await other.sync();
      for (let id = 1; id <= 3; id++) {
        await mirror.run(`DELETE FROM $t WHERE id = ${id}; UPDATE $t SET a = 'x${id}' WHERE id = 20`);
        await mirror.sync();
      }
      expect(await kept(mirror)).toBe(3);
      expect(await other.sync()).toMatchObject({ mode: "delta", deleted: 3 });
      await other.compare();
      await mirror.sync();
      await other.sync();
      await mirror.sync();
      expect(await kept(mirror)).toBe(0);
    } finally {
      await other.close();
    }
  });

  test("a deployment that is no longer used: status says what waits for it, and it does not wait for ever", async () => {
    const mirror = await loaded();
    const left = await MirrorFixture.create(mirror.db, mirror.table, { ddl: "SELECT 1", settings: SETTINGS });
    try {
      await left.sync();
      await mirror.run("DELETE FROM $t WHERE id = 1");
      await mirror.sync();
      await rest(left, 29);
      await mirror.sync();
      expect(await kept(mirror)).toBe(1);
      expect((await mirror.status()).notices).toEqual([
        {
          code: "DELETIONS_KEPT",
          message: expect.stringMatching(
            new RegExp(
              `^1 recorded deletion is kept for the mirror ${mirror.table} of ${left.config.convex.url}, .* not run since`,
            ),
          ) as string,
        },
      ]);
      await rest(left, 31);
      await mirror.sync();
      expect(await kept(mirror)).toBe(0);
      expect((await mirror.status()).notices).toEqual([]);
      // It is used again after all.
      await expectFull(left, /Postgres does not remember the last run/);
    } finally {
      await left.close();
    }
  });

  test("a mirror that was taken out of the configuration, and put back", async () => {
    const mirror = await open({
      ddl: `${DDL}; CREATE VIEW $t_v AS SELECT id FROM $t`,
      mirrors: [{ relation: "$t" }, { relation: "$t_v" }],
      settings: SETTINGS,
    });
    await mirror.run(ROWS);
    await mirror.sync();
    const view = mirror.config.mirrors.pop()!;
    await mirror.run("DELETE FROM $t WHERE id = 1");
    await mirror.sync();
    await rest(mirror, 2, view.mirror);
    await mirror.sync();
    expect(await kept(mirror)).toBe(1);
    expect((await mirror.status()).notices).toMatchObject([
      { code: "DELETIONS_KEPT", message: expect.stringContaining(view.mirror) as string },
    ]);
    await rest(mirror, 31, view.mirror);
    await mirror.sync();
    expect(await kept(mirror)).toBe(0);
    mirror.config.mirrors.push(view);
    const report = await mirror.runSync();
    expect(report.tables.map(({ mode, deleted }) => [mode, deleted])).toEqual([
      ["delta", 0],
      ["full", 1],
    ]);
    await mirror.compare();
  });

  test("records of a table that nobody mirrors do not pile up", async () => {
    const mirror = await loaded();
    await mirror.run(`CREATE TABLE $t_unmirrored (id int PRIMARY KEY); SELECT datahub_sync.track('$t_unmirrored');
                      INSERT INTO $t_unmirrored VALUES (1), (2); DELETE FROM $t_unmirrored WHERE id = 1`);
    const left = () =>
      mirror.run(
        `SELECT key FROM datahub_sync.deletions JOIN datahub_sync.tracked_tables t ON t.id = tracked_id
          WHERE table_name = '$t_unmirrored'`,
      );
    await mirror.run(`UPDATE datahub_sync.deletions d SET recorded_at = now() - interval '31 days'
                        FROM datahub_sync.tracked_tables t WHERE t.id = tracked_id AND table_name = '$t_unmirrored'`);
    await mirror.run("DELETE FROM $t_unmirrored WHERE id = 2");
    await mirror.sync();
    expect(await left()).toEqual([{ key: "2" }]);
  });
});

describe("calls and rows that come late", () => {
  test("a timed-out call that arrives after its row was deleted leaves no ghost", async () => {
    const mirror = await loaded();
    await mirror.run("INSERT INTO $t VALUES (99, 'a ghost')");
    const realFetch = globalThis.fetch;
    let late: Parameters<typeof fetch> | undefined;
    const answers: unknown[] = [];
    const arrive = async () => {
      const response = await realFetch(...late!);
      answers.push(((await response.json()) as { errorData?: { code: string } }).errorData?.code);
    };
    const calls = vi.spyOn(globalThis, "fetch").mockImplementation(async (...call) => {
      const { path } = JSON.parse(call[1]!.body as string) as { path: string };
      if (path.endsWith(":applyBatch") && late === undefined) {
        late = call;
        throw new TypeError("fetch failed"); // nobody knows what became of it
      }
      // The row goes while its repetition is under way, and the same run deletes its document.
      if (path.endsWith(":rotateFence")) await mirror.run("DELETE FROM $t WHERE id = 99");
      if (path.endsWith(":finishRun")) await arrive();
      return realFetch(...call);
    });
    try {
      await mirror.sync();
      await arrive();
      await mirror.sync();
      await arrive();
    } finally {
      calls.mockRestore();
    }
    expect(answers).toEqual(["STALE_TOKEN", "STALE_TOKEN", "STALE_TOKEN", "STALE_TOKEN"]);
    await mirror.compare();
  });

  test("a row that changes and changes back while a run compares everything ends right", async () => {
    const mirror = await loaded();
    await mirror.run("UPDATE $t SET a = 'differs' WHERE id < 4");
    const { steps } = await watchRun(mirror, { mode: "deep" });
    for (let strike = 0; strike < steps.length; strike += 2) {
      await mirror.run(`UPDATE $t SET a = 'differs ${strike}' WHERE id < 4`);
      await watchRun(mirror, {
        mode: "deep",
        onStep: async (_, at) => {
          if (at === strike) await mirror.run("UPDATE $t SET a = 'for a moment' || id WHERE id IN (3, 15)");
          if (at === strike + 2) {
            await mirror.run(`UPDATE $t SET a = 'differs ${strike}' WHERE id = 3`);
            await mirror.run("UPDATE $t SET a = 'row 15' WHERE id = 15");
          }
        },
      });
      await mirror.sync();
      await mirror.compare();
    }
  });
});
