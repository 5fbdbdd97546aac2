import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/clock.js";
import { SyncError } from "../../src/errors.js";
import { startPostgres, type LocalPostgres } from "../../src/local/postgres/start-postgres.js";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { migrate, untrack } from "../../src/sync/migrate.js";
import { readStatus } from "../../src/sync/read-status.js";
import { collectUncaught } from "../support/collect-uncaught.js";
import { CountingClock } from "../support/counting-clock.js";
import { watchRun, type Step } from "../support/crash.js";
import { connectTo, type MigratedDatabase } from "../support/migrated-database.js";
import { HURRY, MirrorFixture } from "../support/mirror-fixture.js";
import { PostgresGate } from "../support/postgres-gate.js";

// Small pages, so that a few rows make several of them.
vi.mock("../../src/sync/run-context.js", () => ({ KEYS_PER_PAGE: 5, LEDGER_PAGE: 7 }));

/** Its own server, since it is restarted, and a gate before it, since it is gone for as long as a test says. */
let server: LocalPostgres;
let db: MigratedDatabase;
let gate: PostgresGate;
let mirror: MirrorFixture;
let tables = 0;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 15 } });
  const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
  const database = connectTo({ url: server.url() });
  await applyMigrations(database);
  await database.close();
  db = { url: server.url(), sql, database, drop: () => Promise.resolve() };
  gate = await PostgresGate.open(db.url);
});
afterEach(async () => {
  await mirror.close();
  gate.state = "open";
  if (!gate.listening) await gate.reopen();
});
afterAll(async () => {
  await gate.close();
  await db.sql.end({ timeout: 0 });
  await server.stop("immediate");
});

async function open(url = gate.url): Promise<void> {
  mirror = await MirrorFixture.create({ ...db, url }, `restarted_${++tables}`, {
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 12) n",
  });
  await mirror.migrate();
}

/** The moments of a run that differ most in what is known on which side. */
const MOMENTS = [
  "reading the migrations",
  "taking the lease",
  "taking the snapshot",
  "writing the start",
  "reading rows",
  "writing the progress",
  "announcing the end",
  "recording the run",
  "releasing the lease",
];
const is = (step: Step, moment: string) => step.startsWith(`Postgres: ${moment}`);

const UNREACHABLE = { code: "DATABASE_UNREACHABLE", remedy: expect.stringMatching(/server is up/) as string };

describe.each(["fast", "immediate"] as const)(
  "the server is restarted (%s) in the middle of a run",
  (stop) => {
    test("of a first load and of deltas: the run goes on", async () => {
      await open(db.url);
      const struck: string[] = [];
      const uncaught = await collectUncaught(async () => {
        for (const [round, moment] of MOMENTS.entries()) {
          await mirror.run(`UPDATE $t SET a = 'round ${round}' WHERE id < 9`);
          const { report } = await watchRun(mirror, {
            onStep: async (step) => {
              if (!is(step, moment) || struck.includes(moment)) return;
              struck.push(moment);
              await server.restart(stop);
            },
          });
          expect([moment, report?.exitCode]).toEqual([moment, 0]);
          await mirror.compare();
        }
      });
      expect(uncaught).toEqual([]);
      expect(struck).toEqual(MOMENTS);
    });

    test("while it goes on: it is outlasted, or the run says what is wrong and the next one completes", async () => {
      await open(db.url);
      let restarted: Promise<void> | undefined;
      const uncaught = await collectUncaught(async () => {
        const { report } = await watchRun(mirror, {
          onStep: (step) => {
            if (is(step, "reading rows")) restarted ??= server.restart(stop);
          },
        });
        const { error } = report!.tables[0]!;
        expect([undefined, "DATABASE_UNREACHABLE"]).toContain(error?.code);
        await restarted;
      });
      expect(uncaught).toEqual([]);
      expect(restarted).toBeDefined();
      await mirror.expireLease();
      await mirror.sync();
      await mirror.compare();
    });
  },
);

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
      expect(clock.passed).toHaveLength(2);
      await gate.reopen();
      await mirror.expireLease();
      await mirror.sync();
      await mirror.compare();
    },
  );
});

test("migrate, untrack and status stop before the next table", async () => {
  await open(db.url);
  const { config } = mirror;
  const interrupted = new SyncError({ code: "INTERRUPTED", message: "Stopped.", remedy: "None." });
  const stopped = { config, clock: systemClock, signal: AbortSignal.abort(interrupted) };
  await expect(untrack(stopped)).rejects.toBe(interrupted);
  expect(await mirror.status()).toMatchObject({ tables: [{ tracking: "intact" }] });
  await expect(readStatus(stopped)).rejects.toBe(interrupted);
  await untrack({ config, clock: systemClock });
  await expect(migrate(stopped)).rejects.toBe(interrupted);
  expect(await mirror.status()).toMatchObject({ tables: [{ tracking: "missing" }] });
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

  test("53300: its connections are taken by others, until some go", async () => {
    await open(db.url);
    const others: postgres.Sql[] = [];
    const leave = () => Promise.all(others.splice(0).map((other) => other.end({ timeout: 0 })));
    const take = async () => {
      for (;;) {
        const other = postgres(db.url, { max: 1, fetch_types: false });
        others.push(other);
        if (!(await other`SELECT 1`.then(Boolean, () => false))) return;
      }
    };
    const takeAll = async () => {
      await take();
      await db.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'datahub-sync'`;
      await take();
    };
    let left = Infinity;
    const clock = new CountingClock(HURRY, async () => {
      if (--left === 0) await leave();
    });
    const takenAt = async (waits: number) =>
      watchRun(mirror, {
        clock,
        onStep: async (step) => {
          if (!is(step, "reading rows")) return;
          left = waits;
          await takeAll();
        },
      });
    expect((await takenAt(6)).report).toMatchObject({ exitCode: 0 });
    await mirror.compare();

    await mirror.run("UPDATE $t SET a = 'b'");
    const { report } = await takenAt(Infinity);
    expect(report!.tables[0]!.error).toMatchObject({
      ...UNREACHABLE,
      message: expect.stringContaining("(53300)") as string,
    });
    await leave();
    await mirror.expireLease();
    await mirror.sync();
    await mirror.compare();
  });
});

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
