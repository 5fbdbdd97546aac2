import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type LocalPostgres } from "../../local/postgres/start-postgres.js";
import { copyDatabase, createTestDatabase, POSTGRES_VERSION, restoreDatabase } from "../support/postgres.js";
import { PostgresGate } from "../support/postgres-gate.js";

/** What the tools of the tests have to live with. Its own server, which one of these faults restarts. */
let server: LocalPostgres;
beforeAll(async () => {
  server = await startPostgres({ version: POSTGRES_VERSION });
});
afterAll(() => server.stop("immediate"));

describe("a driver that never ends once a connection has closed under a statement", () => {
  test("a database that cannot be made is an error, and nothing is waited for", async () => {
    const gate = await PostgresGate.open(server.url());
    try {
      gate.loseNextAnswer();
      await expect(createTestDatabase({ cluster: gate.url })).rejects.toMatchObject({
        code: "CONNECTION_CLOSED",
      });
      expect(gate.lost).toBe(1);
    } finally {
      await gate.close();
    }
  });
});

describe("a panic of Postgres when it drops a database that was made with the oid of a dropped one", () => {
  test("none while others still refer to the statistics of the first, and nobody has used the second", async () => {
    const watcher = postgres(server.url(), { max: 1 });
    try {
      const db = await createTestDatabase({ cluster: server.url() });
      await db.sql`SELECT 1`;
      const backup = await copyDatabase(db);
      // As the autovacuum launcher does each minute. A transaction, at whose end the reference might be given up.
      await watcher.unsafe("BEGIN");
      const seen = await watcher`
        SELECT sessions FROM pg_stat_database WHERE datname = ${new URL(db.url).pathname.slice(1)} AND sessions > 0`;
      expect(seen).toHaveLength(1);
      await restoreDatabase(db, backup);
      await db.drop();
      await backup.drop();
      await watcher.unsafe("COMMIT");
    } finally {
      await watcher.end({ timeout: 0 });
    }
  });
});
