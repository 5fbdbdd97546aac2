import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { watchRun } from "../support/crash.js";
import { createMigratedDatabase, connectTo, type MigratedDatabase } from "../support/migrated-database.js";
import { MirrorFixture } from "../support/mirror-fixture.js";
import { findPgBouncer, PgBouncer } from "../support/pgbouncer.js";
import { createTestDatabase } from "../support/postgres.js";

/** Where PgBouncer is installed (vitest.config.ts). Neon's pooled host names lead to one in transaction mode too. */
const POOL_SIZE = 2;

/** From 1.21 on it can keep named prepared statements; before, a name meant nothing behind it. */
const { version } = (await findPgBouncer())!;
const keepsStatements = Number(version.split(".")[1]) >= 21 || Number(version.split(".")[0]) > 1;
const PREPARED = keepsStatements ? [{ max_prepared_statements: 0 }, { max_prepared_statements: 200 }] : [{}];

/** What text depends on and who may do what, set by somebody who then leaves. */
const POLLUTION = [
  "SET TimeZone = 'Asia/Kolkata'",
  "SET DateStyle = 'German, DMY'",
  "SET IntervalStyle = 'sql_standard'",
  "SET extra_float_digits = -4",
  "SET bytea_output = 'escape'",
  "SET xmlbinary = 'hex'",
  "SET lc_monetary = 'C'",
  "SET search_path = elsewhere",
  "SET client_encoding = 'LATIN1'",
  "SET standard_conforming_strings = off",
  "SET quote_all_identifiers = on",
  "SET array_nulls = off",
  "SET synchronous_commit = off",
  "SET default_transaction_isolation = 'serializable'",
  "SET lock_timeout = '3s'",
  "SET statement_timeout = '20s'",
  "SET client_min_messages = debug1",
  "SELECT pg_try_advisory_lock(1), pg_try_advisory_lock(hashtext('datahub_sync'))",
  "DEALLOCATE ALL; PREPARE s1 AS SELECT 1",
  "LISTEN changes",
];

const DDL = `
  CREATE TABLE $t (
    id int, at timestamptz, f float8, b bytea, ts timestamp, d date, i interval, f4 float4, arr timestamptz[],
    raw jsonb, x xml, tr tstzrange, PRIMARY KEY (id, at, f, b))`;
const ROWS = (from: number, to: number) => `
  INSERT INTO $t SELECT n, '2024-03-04 05:06:07.891234+00'::timestamptz + n * interval '1 us', 0.1::float8 + 0.2,
    '\\x00ff5c'::bytea, '2024-03-04 05:06:07.891234', '2024-03-04', interval '-1 day 2 hours', 0.1::float4,
    ARRAY['2024-03-04 05:06:07+00'::timestamptz, NULL], '{"a": 1.10, "ä": "\\u00fc"}',
    xmlelement(name x, '\\x00ff'::bytea), tstzrange('2024-03-04 05:06:07+00', NULL)
    FROM generate_series(${from}, ${to}) n`;

let db: MigratedDatabase;
let bouncers: PgBouncer[] = [];
let fixtures: MirrorFixture[] = [];
let tables = 0;
beforeAll(async () => {
  db = await createMigratedDatabase();
});
afterEach(async () => {
  await Promise.all([...fixtures.map((fixture) => fixture.close()), ...bouncers.map((b) => b.stop())]);
  bouncers = [];
  fixtures = [];
});
afterAll(() => db.drop());

async function startBouncer(options: Partial<Parameters<typeof PgBouncer.start>[1]> = {}) {
  const bouncer = await PgBouncer.start(db.url, { poolSize: POOL_SIZE, ...options });
  bouncers.push(bouncer);
  return bouncer;
}

/** A table whose mirror is fed through the pooler, and one that is fed past it. */
async function open(bouncer: PgBouncer) {
  const table = `pooled_${++tables}`;
  const straight = await MirrorFixture.create(db, table, { ddl: DDL });
  const pooled = await MirrorFixture.create({ ...db, url: bouncer.pooled(db.url) }, table, {
    ddl: ROWS(1, 20),
  });
  fixtures.push(straight, pooled);
  return { straight, pooled };
}

function contents(mirror: MirrorFixture): string[] {
  const values = mirror.documents().map(({ _id, ...document }) => document);
  return values
    .map((document) =>
      JSON.stringify(document, (_, value: unknown) =>
        value instanceof ArrayBuffer ? Buffer.from(value).toString("hex") : value,
      ),
    )
    .sort();
}

/** Does something in each of the pooled sessions: none is handed out twice while all are in transactions. */
async function inEachSession<T>(
  bouncer: PgBouncer,
  work: (session: postgres.Sql) => Promise<T>,
): Promise<T[]> {
  const clients = Array.from({ length: POOL_SIZE }, () =>
    postgres(bouncer.pooled(db.url), { max: 1, fetch_types: false, onnotice: () => {} }),
  );
  try {
    for (const client of clients) await client.unsafe("BEGIN");
    const done: T[] = [];
    for (const client of clients) done.push(await work(client));
    for (const client of clients) await client.unsafe("COMMIT");
    return done;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

const pollute = (bouncer: PgBouncer, statements = POLLUTION) =>
  inEachSession(bouncer, (session) => session.unsafe(statements.join("; ")));

describe.each(PREPARED)(`PgBouncer ${version} in transaction mode %o`, (settings) => {
  test("invariant 1: a first load, deltas, full and deep runs and the status through polluted sessions", async () => {
    const bouncer = await startBouncer({ settings });
    const { straight, pooled } = await open(bouncer);
    await db.sql.unsafe(`
      CREATE SCHEMA IF NOT EXISTS elsewhere;
      CREATE TABLE elsewhere.${pooled.table} (LIKE public.${pooled.table})`);
    await pollute(bouncer);
    await pooled.migrate();
    const compare = async () => {
      await straight.sync("delta", { allowDeletes: true });
      expect(contents(pooled)).toEqual(contents(straight));
    };

    expect(await pooled.sync()).toMatchObject({ inserted: 20, rejected: 0 });
    await compare();
    expect(contents(pooled)[0]).toContain('"at":"2024-03-04T05:06:07.');

    await pollute(bouncer);
    await pooled.run(
      `${ROWS(21, 25)}; UPDATE $t SET d = 'infinity' WHERE id = 3; DELETE FROM $t WHERE id = 4`,
    );
    expect(await pooled.sync()).toMatchObject({ inserted: 5, updated: 1, deleted: 1 });
    await compare();

    await pollute(bouncer);
    for (const mode of ["full", "deep", "delta"] as const) {
      expect(await pooled.sync(mode)).toMatchObject({ inserted: 0, updated: 0, deleted: 0, heldBack: 0 });
    }
    // What was written through a polluted session is what a clean one finds, and the other way round.
    expect(await straight.sync("full")).toMatchObject({ inserted: 0, updated: 0, deleted: 0 });
    expect(await pooled.status()).toMatchObject({
      exitCode: 0,
      tables: [
        { rowsInPostgres: 24, rowsInMirror: 24, changesWaiting: 0, tracking: "intact", problem: null },
      ],
    });
  });

  test("nothing of ours stays in a session that another client gets", async () => {
    const bouncer = await startBouncer({ settings });
    const { pooled } = await open(bouncer);
    await pooled.migrate();
    await pooled.sync();
    await pooled.run("UPDATE $t SET d = '2025-01-01'");
    await pooled.sync("full");
    await pooled.status();
    // PgBouncer itself sets what a client's start-up packet may say, for each client anew.
    const left = await inEachSession(bouncer, async (session) => ({
      settings: await session.unsafe(`
        SELECT name, setting FROM pg_settings WHERE source = 'session' AND name NOT IN
          ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')`),
      locks: await session.unsafe(
        "SELECT locktype FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'",
      ),
      channels: await session.unsafe("SELECT pg_listening_channels()"),
      statements: await session.unsafe("SELECT name FROM pg_prepared_statements"),
      temporary: await session.unsafe("SELECT 1 WHERE pg_my_temp_schema() <> 0"),
      used: (
        await session.unsafe(
          "SELECT backend_start < xact_start AS used FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        )
      )[0]!["used"] as boolean,
    }));
    const clean = { settings: [], locks: [], channels: [], statements: [], temporary: [], used: true };
    expect(left).toMatchObject(Array.from({ length: POOL_SIZE }, () => clean));
  });
});

describe("a pool that others have spoilt for everybody", () => {
  test.each([
    { spoilt: "SET default_transaction_read_only = on", says: /nothing but reading .*25006/ },
    { spoilt: "SET statement_timeout = '200ms'", says: /cancelled .*57014/ },
  ])("$spoilt: one message that names the pooler, and nothing lost", async ({ spoilt, says }) => {
    const bouncer = await startBouncer();
    const { straight, pooled } = await open(bouncer);
    await pooled.migrate();
    await pollute(bouncer, [spoilt]);
    const holder = await db.sql.reserve();
    await holder.unsafe(`BEGIN; LOCK TABLE ${pooled.table} IN ACCESS EXCLUSIVE MODE`);
    const failed = await pooled.runSync().then(
      (report) => report.tables[0]!.error!,
      (error: unknown) => error,
    );
    await holder.unsafe("COMMIT");
    holder.release();
    expect(failed).toMatchObject({
      code: "DATABASE_FAILED",
      message: expect.stringMatching(says) as string,
      remedy: expect.stringContaining("another client of the same pooler") as string,
    });

    await inEachSession(bouncer, (session) => session.unsafe("RESET ALL"));
    await pooled.sync();
    await straight.sync();
    expect(contents(pooled)).toEqual(contents(straight));
  });
});

describe("a pooler that ends during a run", () => {
  test("killed before any statement, and started again: the run goes on", async () => {
    const bouncer = await startBouncer();
    const { straight, pooled } = await open(bouncer);
    await pooled.migrate();
    const strike = async (at: number) =>
      watchRun(pooled, {
        onStep: async (step, index) => {
          if (index !== at || !step.startsWith("Postgres")) return;
          await bouncer.kill();
          await bouncer.launch();
        },
      });
    const { steps } = await strike(-1);
    for (const [at, step] of steps.entries()) {
      if (!step.startsWith("Postgres")) continue;
      await pooled.run(`UPDATE $t SET d = d + 1 WHERE id % 5 = ${at % 5}`);
      const { report } = await strike(at);
      expect([step, report?.tables[0]]).toEqual([step, expect.objectContaining({ outcome: "done" })]);
    }
    await straight.sync();
    expect(contents(pooled)).toEqual(contents(straight));
  });

  test("for good: one error that says so, and the next run goes on", async () => {
    const bouncer = await startBouncer();
    const { straight, pooled } = await open(bouncer);
    await pooled.migrate();
    const { report } = await watchRun(pooled, {
      onStep: async (step) => {
        if (step.includes("reading rows")) await bouncer.kill();
      },
    });
    expect(report).toMatchObject({ exitCode: 1, tables: [{ error: { code: "DATABASE_UNREACHABLE" } }] });
    await bouncer.launch();
    await pooled.expireLease();
    await pooled.sync();
    await straight.sync();
    expect(contents(pooled)).toEqual(contents(straight));
  });
});

describe("migrations through a pool", () => {
  test.each([1, 2])(
    "of %i sessions, three at once: one applies them, the others find them",
    async (poolSize) => {
      const bouncer = await startBouncer({ poolSize });
      const fresh = await createTestDatabase();
      const databases = [1, 2, 3].map(() => connectTo({ url: bouncer.pooled(fresh.url) }));
      try {
        const applied = await Promise.all(databases.map((database) => applyMigrations(database)));
        expect(applied.map((names) => names.length > 0).sort()).toEqual([false, false, true]);
      } finally {
        await Promise.all(databases.map((database) => database.close()));
        await fresh.drop();
      }
    },
  );
});
