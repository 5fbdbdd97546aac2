import { systemClock } from "../../src/model/clock.js";
import { Database } from "../../src/postgres/database.js";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from "./postgres.js";

export interface MigratedDatabase extends TestDatabase {
  /** The way to it that the program takes. */
  database: Database;
}

/** A new database with the schema `datahub_sync` and nothing else. */
export async function createMigratedDatabase(options: TestDatabaseOptions = {}): Promise<MigratedDatabase> {
  const test = await createTestDatabase(options);
  const database = connectTo(test);
  await applyMigrations(database);
  return {
    ...test,
    database,
    async drop() {
      await database.close();
      await test.drop();
    },
  };
}

/** One try for each statement: a test wants to see the first failure. */
export function connectTo({ url }: { url: string }): Database {
  return new Database({
    url,
    ssl: false,
    clock: systemClock,
    maxAttempts: 1,
    connectTimeoutMs: 60_000,
    statementTimeoutMs: 60_000,
  });
}
