import { describe, expect, test, vi } from "vitest";
import { Database } from "../../src/postgres/database.js";
import { nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();

/** A mirror of each of so many tables, all loaded. */
async function loaded(tables: number): Promise<MirrorFixture> {
  const mirror = await fresh(tables);
  await mirror.sync();
  return mirror;
}

/** The same, before its first run. */
async function fresh(tables: number): Promise<MirrorFixture> {
  const names = Array.from({ length: tables }, (_, n) => (n === 0 ? "$t" : `$t_${n}`));
  return open({
    ddl: names
      .map(
        (name) =>
          `CREATE TABLE ${name} (id int PRIMARY KEY, a text); INSERT INTO ${name} VALUES (1, 'a'), (2, 'b')`,
      )
      .join(";"),
    mirrors: names.map((relation) => ({ relation })),
  });
}

const IDLE: Step[] = [
  "Postgres: reading the migrations",
  "Postgres: taking the lease",
  "Convex: handshake",
  "Postgres: reading the watermarks",
  "Postgres: reading the catalog",
  "Postgres: purging the change log",
  "Postgres: taking the snapshot",
  "Postgres: reading the catalog",
  "Postgres: announcing the end of …",
  "Convex: finishRuns",
  "Postgres: moving the watermark of …",
  "Postgres: recording the run",
  "Postgres: releasing the lease",
];
const withoutNames = (steps: readonly Step[]) => steps.map((step) => step.replace(/ of .*/, " of …"));

describe("both sides are asked once, for all mirrors", () => {
  test.each([1, 12])("a run of %i mirrors with nothing to do", async (tables) => {
    const mirror = await loaded(tables);
    for (let run = 0; run < 2; run++) {
      const { steps, report } = await watchRun(mirror);
      // Both sides are asked at the same time, and either may be heard first.
      expect(new Set(withoutNames(steps))).toEqual(new Set(IDLE));
      expect(steps).toHaveLength(IDLE.length);
      expect(report!.tables.map(({ outcome, read, calls }) => [outcome, read, calls])).toEqual(
        report!.tables.map(() => ["done", 0, 0]),
      );
      expect(report!.totals).toMatchObject({ calls: 2, read: 0 });
    }
    await mirror.compare();
  });

  test("first loads of small tables begin together; one whose size is not known, or that is large, begins alone", async () => {
    const mirror = await fresh(5);
    await mirror.run(
      `ALTER TABLE $t_3 SET (autovacuum_enabled = off); ALTER TABLE $t_4 SET (autovacuum_enabled = off)`,
    );
    await mirror.run(
      "INSERT INTO $t_1 SELECT n, 'x' FROM generate_series(3, 10001) n; ANALYZE $t, $t_1, $t_2",
    );
    const { steps } = await watchRun(mirror);
    const begins = steps.filter((step) => step.startsWith("Postgres: writing the start of"));
    const { table } = mirror;
    expect(begins.map((step) => step.replaceAll(table, "$t"))).toEqual(
      ["$t", "$t_1", "$t_2", "$t_3", "$t_4"].map((name) => `Postgres: writing the start of ${name}`),
    );
    await mirror.compare();
    const small = await fresh(5);
    await small.run("ANALYZE $t, $t_1, $t_2, $t_3, $t_4");
    expect((await watchRun(small)).steps.filter((step) => step === "Convex: beginRuns")).toHaveLength(1);
    await small.compare();
  });

  test("one that has changed adds its own reads and calls, and nothing for the others", async () => {
    const mirror = await loaded(12);
    await mirror.run("UPDATE $t_3 SET a = 'c' WHERE id = 1; DELETE FROM $t_3 WHERE id = 2");
    const { steps } = await watchRun(mirror);
    const own = withoutNames(steps).filter((step) => !IDLE.includes(step));
    expect(own).toEqual([
      "Postgres: writing the start of …",
      "Convex: beginRuns",
      "Postgres: reading the changed keys of …",
      "Postgres: reading rows of …",
      "Convex: applyBatch",
      ...own.slice(5),
    ]);
    // What is deleted: recorded, counted, looked up, made, acknowledged, forgotten.
    expect(own.slice(5).filter((step) => step.startsWith("Convex"))).toEqual([
      "Convex: applyBatch",
      "Convex: rotateFence",
    ]);
    await mirror.compare();
  });

  test("the next mirror's rows are asked for while this one's calls are under way", async () => {
    const mirror = await loaded(3);
    await mirror.run("UPDATE $t SET a = 'c'; UPDATE $t_1 SET a = 'c'; UPDATE $t_2 SET a = 'c'");
    const asked: Step[] = [];
    let seenDuringCall = 0;
    await watchRun(mirror, {
      onStep: async (step) => {
        asked.push(step);
        if (step !== "Convex: applyBatch") return;
        const reads = () => asked.filter((each) => each.startsWith("Postgres: reading rows")).length;
        const before = reads();
        // Held until the next one reads, or until there is none.
        while (reads() === before && before < 3) await new Promise(setImmediate);
        seenDuringCall += reads() - before;
      },
    });
    expect(seenDuringCall).toBe(2);
    await mirror.compare();
  });

  test("the next mirror's listings, and no others, are asked for while an answer is waited for", async () => {
    const mirror = await loaded(5);
    const asked: Step[] = [];
    const isListing = (step: Step) => /comparing keys|listLedger/.test(step);
    const listings = () => asked.filter(isListing).length;
    const held: { listings?: Promise<number> } = {};
    const hold = async () => {
      // Until the next one's two are asked for, and then for as long as the ones after that might take.
      while (listings() < 4) await new Promise(setImmediate);
      for (let turn = 0; turn < 20; turn++) await mirror.run("SELECT");
      return listings();
    };
    await watchRun(mirror, {
      mode: "full",
      onStep: async (step) => {
        asked.push(step);
        if (step === "Convex: listLedger") await (held.listings ??= hold());
      },
    });
    expect(await held.listings).toBe(4);
    expect(listings()).toBe(10);
    await mirror.compare();
  });

  test.each([1, 2, 3, 4, 5, 6])("listings begun early and let go: a crash before listing %i", async (n) => {
    const mirror = await loaded(3);
    await mirror.run("UPDATE $t_1 SET a = 'c' WHERE id = 1; DELETE FROM $t_2 WHERE id = 2");
    const { crashed } = await watchRun(mirror, {
      mode: "full",
      crashBefore: nth(n, (step) => /comparing keys|listLedger/.test(step)),
    });
    expect(crashed).toBe(true);
    await mirror.expireLease();
    await mirror.sync("full");
    await mirror.compare();
  });

  test("what was read ahead of a mirror whose turn does not come is let go", async () => {
    const mirror = await loaded(3);
    await mirror.run("UPDATE $t SET a = 'c'; UPDATE $t_1 SET a = 'c'");
    const { crashed } = await watchRun(mirror, {
      crashBefore: nth(2, (step) => step.startsWith("Postgres: reading rows")),
    });
    expect(crashed).toBe(true);
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
  });

  test("status asks five statements and one call", async () => {
    const mirror = await loaded(12);
    const statements: string[] = [];
    const calls = mirror.deployment.usage().calls;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` below
    const execute = Database.prototype.execute;
    const spy = vi.spyOn(Database.prototype, "execute").mockImplementation(function (
      this: Database,
      ...args
    ) {
      statements.push(args[0]);
      return execute.apply(this, args);
    });
    const report = await mirror.status();
    spy.mockRestore();
    expect(report.tables.map(({ rowsInPostgres, rowsInMirror }) => [rowsInPostgres, rowsInMirror])).toEqual(
      report.tables.map(() => [2, 2]),
    );
    expect(statements).toHaveLength(5);
    expect(mirror.deployment.usage().calls - calls).toBe(1);
  });
});

describe("a run of several mirrors that crashes", () => {
  test.each(["Convex: finishRuns", "Postgres: moving the watermark", "Postgres: announcing the end"])(
    "before %s: those with nothing to do and those with changes are both right afterwards",
    async (moment) => {
      const mirror = await loaded(4);
      for (let round = 0; round < 2; round++) {
        await mirror.run(
          `UPDATE $t_1 SET a = 'round ${round}'; INSERT INTO $t_2 VALUES (${round + 10}, 'n')`,
        );
        const { crashed } = await watchRun(mirror, {
          crashBefore: nth(1, (step) => step.startsWith(moment)),
        });
        expect(crashed).toBe(true);
        await mirror.expireLease();
        // Changes of a mirror that was idle, after the snapshot that its crashed end had.
        await mirror.run(`UPDATE $t SET a = 'after ${round}' WHERE id = 1`);
        const report = await mirror.runSync();
        expect(report.tables.map(({ mode, error }) => [mode, error])).toEqual(
          report.tables.map(() => ["delta", undefined]),
        );
        await mirror.compare();
      }
    },
  );

  test("one whose relation is gone fails alone, and is named", async () => {
    const mirror = await loaded(4);
    await mirror.run("DROP TABLE $t_2; UPDATE $t_1 SET a = 'x'");
    const report = await mirror.runSync();
    expect(report.exitCode).toBe(1);
    expect(report.tables.map(({ outcome, error }) => [outcome, error?.code])).toEqual([
      ["done", undefined],
      ["done", undefined],
      ["failed", "RELATION_MISSING"],
      ["done", undefined],
    ]);
  });

  test("an idle mirror of which another run has begun since the handshake is not ended by this one", async () => {
    const mirror = await loaded(2);
    const other = { epoch: 1_000n, nonce: "of another run" };
    const { report } = await watchRun(mirror, {
      onStep: async (step) => {
        if (step !== "Convex: finishRuns") return;
        const { lineage } = mirror.state() as { lineage: string };
        await mirror.deployment.runMutation("datahubSync:beginRuns", {
          syncKey: mirror.config.convex.syncKey.reveal(),
          tables: [mirror.table],
          ...other,
          lineage,
          takeOver: false,
        });
      },
    });
    expect(report!.tables[0]!.error?.code).toBe("LEASE_LOST");
    expect(mirror.state()).toMatchObject({ ...other, running: true });
  });
});
