import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { Database, type DatabaseOptions } from "../../src/postgres/database.js";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { collectUncaught } from "../support/collect-uncaught.js";
import { CountingClock } from "../support/counting-clock.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { PostgresGate } from "../support/postgres-gate.js";
import { MIGRATIONS } from "../support/migration-names.js";

/** Faults of postgres.js 3.4.9 that this program has to live with. */
let db: TestDatabase;
let gate: PostgresGate;
let opened: Database[] = [];
beforeAll(async () => {
  db = await createTestDatabase();
  gate = await PostgresGate.open(db.url);
});
afterEach(async () => {
  await Promise.all(opened.map((database) => database.close()));
  opened = [];
  gate.state = "open";
});
afterAll(async () => {
  await gate.close();
  await db.drop();
});

function open(url: string, options: Partial<DatabaseOptions> = {}): Database {
  const database = new Database({
    url,
    ssl: false,
    clock: systemClock,
    connectTimeoutMs: 30_000,
    statementTimeoutMs: 600_000,
    ...options,
  });
  opened.push(database);
  return database;
}

const one = async (database: Database) => {
  const [row] = await database.execute("asking", (sql) => sql.unsafe<{ n: string }[]>("SELECT 1 AS n"));
  return Number(row!.n);
};

/** The driver counts rows until a statement is complete, and one that fails never is: the next one's would stand behind holes. */
test("a statement that fails after its first rows leaves no place for them in the next one's", async () => {
  const database = open(db.url);
  await one(database);
  for (let round = 0; round < 5; round++) {
    const failing = database.execute("dividing", (sql) =>
      sql.unsafe("SELECT 1 / (4 - n) FROM generate_series(1, 9) AS n"),
    );
    await expect(failing).rejects.toMatchObject({ code: "DATABASE_FAILED" });
    const rows = await database.execute("asking", (sql) =>
      sql.unsafe("SELECT n FROM generate_series(1, 2) AS n"),
    );
    expect([rows.length, ...Object.keys(rows)]).toEqual([2, "0", "1"]);
  }
});

/** Ends the sessions of the program once one of them does what `condition` says. */
async function killOnce(condition: string): Promise<void> {
  for (;;) {
    const killed = await db.sql.unsafe(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'datahub-sync' AND ${condition}`);
    if (killed.length > 0) return;
  }
}

describe("an error outside of any promise when a backend dies inside `begin`: it ends the process", () => {
  /** A table that the last migration tracks, locked so that the migration stops in its middle. */
  const HOLDS = [
    {
      while: "it waits for another migration",
      hold: "SELECT pg_advisory_xact_lock(hashtext('datahub_sync.migrations'))",
      waits: "wait_event = 'advisory'",
    },
    {
      while: "it has carried out most of its statements",
      hold: "LOCK TABLE sow_poles IN ROW EXCLUSIVE MODE",
      waits: "wait_event = 'relation'",
    },
  ];

  test.each(HOLDS)(
    "a migration is killed while $while: nothing escapes, and it is done again",
    async (held) => {
      await db.sql.unsafe(`
      DROP SCHEMA IF EXISTS datahub_sync CASCADE;
      DROP TABLE IF EXISTS sow_poles;
      CREATE TABLE sow_poles (id uuid PRIMARY KEY, sync_timestamp timestamp)`);
      const holder = await db.sql.reserve();
      const database = open(db.url);
      let applied: string[] = [];
      const uncaught = await collectUncaught(async () => {
        await holder.unsafe(`BEGIN; ${held.hold}`);
        const migrating = applyMigrations(database);
        await killOnce(held.waits);
        await holder.unsafe("COMMIT");
        applied = await migrating;
      });
      holder.release();
      expect(uncaught).toEqual([]);
      expect(applied).toEqual(MIGRATIONS);
      const [made] = await db.sql`
      SELECT (SELECT count(*)::int FROM datahub_sync.migrations) AS migrations,
             (SELECT count(*)::int FROM datahub_sync.tracked_tables) AS tracked`;
      expect(made).toEqual({ migrations: applied.length, tracked: 1 });
      expect(await applyMigrations(database)).toEqual([]);
    },
  );
});

describe("a query that never settles when the peer closes before it has authenticated", () => {
  test("fails in bounded time, with what to look at", async () => {
    gate.state = "slammed";
    const clock = new CountingClock(1000);
    const database = open(gate.url, { clock });
    await expect(one(database)).rejects.toMatchObject({
      code: "DATABASE_UNREACHABLE",
      exitCode: 1,
      message: "Postgres could not be reached while asking (CONNECT_TIMEOUT).",
      remedy: expect.stringMatching(/server is up.*DATABASE_URL/) as string,
    });
    expect(clock.waits.filter((ms) => ms === 30_000)).toHaveLength(3);
    expect(clock.waits.reduce((sum, ms) => sum + ms)).toBeLessThan(100_000);
  });

  test("no connection is tried once it has failed", async () => {
    gate.state = "slammed";
    await expect(one(open(gate.url, { clock: new CountingClock(1000), maxAttempts: 1 }))).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { connections } = gate;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(gate.connections).toBe(connections);
  });

  test("also where the server went away while the connections were idle", async () => {
    const clock = new CountingClock(1);
    const database = open(gate.url, { clock });
    expect(await one(database)).toBe(1);
    clock.hurry = 1000;
    gate.state = "slammed";
    gate.cut();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(one(database)).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
    expect(clock.waits).not.toContain(570_000);

    clock.hurry = 1;
    gate.state = "open";
    expect(await one(database)).toBe(1);
  });

  test("a statement may take longer than connecting may", async () => {
    const clock = new CountingClock(1);
    const database = open(gate.url, { clock, maxAttempts: 1 });
    await one(database);
    clock.hurry = 200; // 150 ms to connect, 3 s in all
    const [row] = await database.execute("sleeping", (sql) => sql.unsafe("SELECT pg_sleep(0.3), 2 AS n"));
    expect(row!["n"]).toBe("2");
  });
});

describe("a program that should end", () => {
  const reason = new Error("stopped");
  const stopped = AbortSignal.abort(reason);

  test("still gets answers, so that it can put down what it holds", async () => {
    expect(await one(open(gate.url, { signal: stopped }))).toBe(1);
  });

  test("waits two seconds for a server that does not answer, and does not try again", async () => {
    gate.state = "slammed";
    const clock = new CountingClock(1000);
    await expect(one(open(gate.url, { clock, signal: stopped }))).rejects.toBe(reason);
    expect(clock.passed).toEqual([2_000]);
  });

  test("hears that the end came, also where it was asked for before the last try", async () => {
    gate.state = "slammed";
    const stop = new AbortController();
    // A time-out, a wait, a time-out, a wait; the third try is the last one in silence.
    const clock = new CountingClock(1000, (count) => (count === 4 ? stop.abort(reason) : undefined));
    await expect(one(open(gate.url, { clock, signal: stop.signal }))).rejects.toBe(reason);
    expect(clock.passed.at(-1)).toBe(2_000);
  });
});

describe("an error of an earlier statement, reported for the next one on that connection", () => {
  test.each([1, 2, 3])("a backend is killed at work, with %i statements under way", async (count) => {
    const database = open(db.url, { maxAttempts: 1 });
    const uncaught = await collectUncaught(async () => {
      const killed = Array.from({ length: count }, () =>
        database.execute("sleeping", (sql) => sql.unsafe("SELECT pg_sleep(60)")),
      ).map((statement) => expect(statement).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" }));
      await killOnce(`(SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep') = ${count}`);
      await Promise.all(killed);
      for (let next = 0; next < 5; next++) expect(await one(database)).toBe(1);
    });
    expect(uncaught).toEqual([]);
  });

  test("and none is seen by a statement that comes while the old connection is dying", async () => {
    const database = open(db.url, { maxAttempts: 1 });
    const answers: number[] = [];
    const dying = database.execute("sleeping", (sql) => sql.unsafe("SELECT pg_sleep(60)"));
    const following = dying.catch(() => Promise.all([one(database), one(database), one(database)]));
    await killOnce("wait_event = 'PgSleep'");
    answers.push(...((await following) as number[]));
    expect(answers).toEqual([1, 1, 1]);
  });
});

describe("an answer that was lost", () => {
  test("the statement is carried out again", async () => {
    await db.sql`CREATE TABLE carried_out (n int)`;
    const database = open(gate.url);
    await one(database);
    gate.loseNextAnswer();
    await database.execute("inserting", (sql) => sql.unsafe("INSERT INTO carried_out VALUES ($1)", [1]));
    expect(gate.lost).toBe(1);
    expect(await db.sql`SELECT count(*)::int AS n FROM carried_out`).toMatchObject([{ n: 2 }]);
  });
});
