import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SyncError } from "../../src/model/errors.js";
import { CountingClock } from "../support/counting-clock.js";
import { watchRun, type Step } from "../support/crash.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";
import { HURRY, MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { PostgresGate } from "../support/postgres-gate.js";

/** A gate before the server, which is gone, or lets nobody in, for as long as a test says. */
let db: MigratedDatabase;
let gate: PostgresGate;
let mirror: MirrorFixture;
let tables = 0;
beforeAll(async () => {
  db = await createMigratedDatabase();
  gate = await PostgresGate.open(db.url);
});
afterEach(async () => {
  await mirror.close();
  gate.state = "open";
  if (!gate.listening) await gate.reopen();
});
afterAll(async () => {
  await gate.close();
  await db.drop();
});

async function open(): Promise<void> {
  mirror = await MirrorFixture.create({ ...db, url: gate.url }, `shut_off_${++tables}`, {
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 12) n",
    settings: SMALL_PAGES,
  });
  await mirror.migrate();
}

const is = (step: Step, moment: string) => step.startsWith(`Postgres: ${moment}`);

const UNREACHABLE = { code: "DATABASE_UNREACHABLE", remedy: expect.stringMatching(/server is up/) as string };

describe("ECONNREFUSED: nobody listens", () => {
  test("when the run starts, and a server comes while it is waited for: the run succeeds", async () => {
    await open();
    await gate.shut();
    const clock = new CountingClock(HURRY, (count) => (count === 4 ? gate.reopen() : undefined));
    expect(await mirror.runSync("delta", { clock })).toMatchObject({ exitCode: 0 });
    expect(clock.passed).toHaveLength(4);
    await mirror.compare();
  });

  test("when the run starts, and never: one error soon, for nobody should wait long to hear of a wrong port", async () => {
    await open();
    await gate.shut();
    const clock = new CountingClock(HURRY);
    await expect(mirror.runSync("delta", { clock })).rejects.toMatchObject({
      ...UNREACHABLE,
      exitCode: 1,
      message: "Postgres could not be reached while reading the migrations (ECONNREFUSED).",
    });
    expect(clock.passed).toHaveLength(4);
    expect(sum(clock.passed)).toBeLessThan(8_000);
    await gate.reopen();
    await mirror.sync();
    await mirror.compare();
  });

  test.each(["taking the lease", "reading rows", "announcing the end"])(
    "while %s, for longer: the run waits for a server that it knows",
    async (moment) => {
      await open();
      let down = false;
      const clock = new CountingClock(HURRY, async () => {
        if (down && --left === 0) await gate.reopen();
      });
      let left = 8;
      const { report } = await watchRun(mirror, {
        clock,
        onStep: async (step) => {
          if (down || !is(step, moment)) return;
          down = true;
          await gate.shut();
        },
      });
      expect([left, report?.exitCode]).toEqual([0, 0]);
      await mirror.compare();
    },
  );

  test("in the middle of a run, and never again: one error in bounded time, and the next run goes on", async () => {
    await open();
    const clock = new CountingClock(HURRY);
    const { report } = await watchRun(mirror, {
      clock,
      onStep: async (step) => {
        if (is(step, "reading rows") && gate.listening) await gate.shut();
      },
    });
    expect(report).toMatchObject({ exitCode: 1, tables: [{ outcome: "failed", error: UNREACHABLE }] });
    expect(report!.tables[0]!.error!.message).toMatch(
      /while reading rows of .* \((ECONNREFUSED|CONNECTION_)/,
    );
    // Once as long as a restart may take; then only as long as one waits for a wrong port, to record the failure.
    expect(sum(clock.passed)).toBeLessThan(45_000 + 5 * 8_000);
    await gate.reopen();
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
  });

  test.each(["reading the migrations", "reading rows", "recording the run"])(
    "while %s, and a stop is asked for: nobody waits for the server any more",
    async (moment) => {
      await open();
      const stop = new AbortController();
      const interrupted = new SyncError({ code: "INTERRUPTED", message: "Stopped.", remedy: "None." });
      const clock = new CountingClock(HURRY, (count) => (count === 2 ? stop.abort(interrupted) : undefined));
      const outcome = await watchRun(mirror, {
        clock,
        signal: stop.signal,
        onStep: async (step) => {
          if (is(step, moment) && gate.listening) await gate.shut();
        },
      }).then(
        ({ report }) => report!.tables[0]!.error?.code ?? report!.notices.map(({ code }) => code).join(),
        (error: unknown) => (error as SyncError).code,
      );
      expect(outcome).toBe(moment === "recording the run" ? "RUN_NOT_RECORDED" : "INTERRUPTED");
      // Waits for another try are jittered, and so no whole milliseconds; those of a deadline or of the lease are.
      expect(clock.passed.slice(2).filter((ms) => !Number.isInteger(ms))).toEqual([]);
      await gate.reopen();
      await mirror.expireLease();
      await mirror.sync();
      await mirror.compare();
    },
  );
});

describe("a server that lets nobody in", () => {
  test.each(["57P01", "57P02", "57P03"] as const)("%s: waited for, and named when it lasts", async (code) => {
    await open();
    let left = Infinity;
    const clock = new CountingClock(HURRY, () => {
      if (--left === 0) gate.state = "open";
    });
    const refuseAt = async (waits: number) =>
      watchRun(mirror, {
        clock,
        onStep: (step) => {
          if (!is(step, "taking the snapshot")) return;
          left = waits;
          gate.state = code;
          gate.cut();
        },
      });
    expect((await refuseAt(8)).report).toMatchObject({ exitCode: 0 });
    await mirror.compare();

    const { report } = await refuseAt(Infinity);
    expect(report!.tables[0]!.error).toMatchObject({
      ...UNREACHABLE,
      message: expect.stringContaining(`(${code})`) as string,
    });
    gate.state = "open";
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
  });
});

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
