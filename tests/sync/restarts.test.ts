import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type LocalPostgres } from "../../local/postgres/start-postgres.js";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { collectUncaught } from "../support/collect-uncaught.js";
import { CountingClock } from "../support/counting-clock.js";
import { watchRun, type Step } from "../support/crash.js";
import { connectTo, type MigratedDatabase } from "../support/migrated-database.js";
import { HURRY, MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";

/** Its own server, since it is restarted, and since all of its connections are taken. */
let server: LocalPostgres;
let db: MigratedDatabase;
let mirror: MirrorFixture;
let tables = 0;
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 15 } });
  const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
  const database = connectTo({ url: server.url() });
  await applyMigrations(database);
  await database.close();
  db = { url: server.url(), sql, database, drop: () => Promise.resolve() };
});
afterEach(() => mirror.close());
afterAll(async () => {
  await db.sql.end({ timeout: 0 });
  await server.stop("immediate");
});

async function open(): Promise<void> {
  mirror = await MirrorFixture.create(db, `restarted_${++tables}`, {
    ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text); INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 12) n",
    settings: SMALL_PAGES,
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

describe.each(["fast", "immediate"] as const)(
  "the server is restarted (%s) in the middle of a run",
  (stop) => {
    test("of a first load and of deltas: the run goes on", async () => {
      await open();
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
      await open();
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

test("53300: its connections are taken by others, until some go", async () => {
  await open();
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
    code: "DATABASE_UNREACHABLE",
    remedy: expect.stringMatching(/as many connections as it may have/) as string,
    message: expect.stringContaining("(53300)") as string,
  });
  await leave();
  await mirror.expireLease();
  await mirror.sync();
  await mirror.compare();
});
