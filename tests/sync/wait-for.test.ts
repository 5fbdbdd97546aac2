import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "../../src/commands/wait-for.js";
import type { SyncError } from "../../src/model/errors.js";
import { hurriedClock, sourceConfig } from "../support/mirror-fixture.js";
import { createTestDatabase } from "../support/postgres.js";

async function open() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pauses: number[] = [];
  const ask = (sql: string, { maxMs = 60_000, between = () => Promise.resolve<unknown>(null) } = {}) =>
    waitFor({
      ...{ config: sourceConfig(database.url), sql, maxMs, signal: new AbortController().signal },
      clock: {
        ...hurriedClock,
        // The database has waits of its own, all of them longer here.
        sleep: async (ms, signal) => {
          if (ms > 60_000) return hurriedClock.sleep(ms, signal);
          pauses.push(ms);
          await between();
        },
      },
    });
  return { ...database, ask, pauses };
}

test("a run waits for what the source says, as long as it may", async () => {
  const { sql, ask, pauses } = await open();
  await sql`CREATE TABLE jobs (state text)`;
  await sql`INSERT INTO jobs VALUES ('running')`;
  const idle = "SELECT NOT EXISTS (SELECT FROM jobs WHERE state = 'running')";
  expect(await ask(idle, { maxMs: 75_000 })).toEqual({ isReady: false, waitedMs: 75_000 });
  expect(pauses.splice(0)).toEqual([30_000, 30_000, 15_000]);
  const between = () => sql`UPDATE jobs SET state = 'done'`;
  expect(await ask(idle, { between })).toEqual({ isReady: true, waitedMs: 30_000 });
  expect(await ask(idle)).toEqual({ isReady: true, waitedMs: 0 });
  // Nobody holds a connection while it waits.
  let connections = -1;
  await ask("SELECT false", {
    maxMs: 1_000,
    between: async () => {
      const [row] = await sql<[{ n: number }]>`SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;
      connections = row.n;
    },
  });
  expect(connections).toBe(0);
});

test.each([
  ["true", "SELECT true", true],
  ["a count", "SELECT count(*) FROM pg_class", true],
  ["nothing counted", "SELECT 0::bigint", false],
  ["no row", "SELECT true WHERE false", false],
  ["NULL", "SELECT NULL::boolean", false],
  ["a text", "SELECT 't'", true],
  ["a numeric", "SELECT 0.5", true],
])("%s is an answer", async (_, sql, isReady) => {
  const { ask } = await open();
  expect(await ask(sql, { maxMs: 0 })).toMatchObject({ isReady });
});

test.each([
  ["what is no SQL", "SELEKT", "Postgres refuses it"],
  ["what writes", "CREATE TABLE mine (id int)", "Postgres refuses it"],
  ["several rows", "SELECT generate_series(1, 2)", "it gives more than one value"],
  ["several columns", "SELECT true, true", "it gives more than one value"],
  ["a word", "SELECT 'perhaps'", "it gives neither true nor false, nor a number"],
])("%s is refused", async (_, sql, why) => {
  const { ask } = await open();
  const error = (await ask(sql).catch((caught: unknown) => caught)) as SyncError;
  expect(error).toMatchObject({
    code: "CONFIG_INVALID",
    message: `What --wait-for asks cannot be used: ${why}.`,
  });
});
