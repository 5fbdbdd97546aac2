import type { Sql } from "postgres";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { PostgresVersion } from "../../local/postgres/start-postgres.js";
import type { Database } from "../../src/postgres/database.js";
import { acquireLease } from "../../src/state/lease.js";
import { createMigratedDatabase, type MigratedDatabase } from "./migrated-database.js";

/** The target of the test that runs, whose lease nobody has had, in a database that a `describe` shares. */
export interface TargetFixture {
  readonly sql: Sql;
  /** The way to the database that the program takes. */
  readonly database: Database;
  readonly databaseUrl: string;
  readonly id: number;
  /** Of the deployment. */
  readonly url: string;
  acquire: (nonce: string, leaseMs?: number) => ReturnType<typeof acquireLease>;
  /** As if the time of the lease had passed. */
  expire: () => Promise<unknown>;
}

/** A database for the tests of the surrounding `describe`, and a target for each of them. */
export function useTarget(options: { version?: PostgresVersion } = {}): TargetFixture {
  let db: MigratedDatabase;
  let targets = 0;
  let id: number;
  const target: TargetFixture = {
    get sql() {
      return db.sql;
    },
    get database() {
      return db.database;
    },
    get databaseUrl() {
      return db.url;
    },
    get id() {
      return id;
    },
    get url() {
      return `https://target-${targets}.example`;
    },
    acquire: (nonce, leaseMs = 60_000) =>
      acquireLease(db.database, target.url, { nonce, holder: `holder of ${nonce}`, leaseMs }),
    expire: async () =>
      db.sql`UPDATE datahub_sync.leases SET expires_at = clock_timestamp() - interval '1 ms' WHERE target_id = ${id}`,
  };
  beforeAll(async () => {
    db = await createMigratedDatabase(options);
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    targets++;
    const [row] = await db.sql<{ id: number }[]>`
      INSERT INTO datahub_sync.targets (url) VALUES (${target.url}) RETURNING id`;
    id = row!.id;
  });
  return target;
}
