import type { Sql } from "postgres";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { PostgresVersion } from "../../local/postgres/start-postgres.js";
import type { Database } from "../../src/postgres/database.js";
import { acquireLease } from "../../src/state/take-lease.js";
import { createMigratedDatabase, type MigratedDatabase } from "./migrated-database.js";

/** The mirrors of a target whose leases are taken. */
export const MIRRORS: readonly string[] = ["m", "never seen", "not seen"];

/** The target of the test that runs, whose lease nobody has had, in a database that a `describe` shares. */
export interface TargetFixture {
  readonly sql: Sql;
  /** The way to the database that the program takes. */
  readonly database: Database;
  readonly databaseUrl: string;
  readonly id: number;
  /** Of the deployment. */
  readonly url: string;
  /** Of these three, unless others are named. */
  acquire: (
    nonce: string,
    leaseMs?: number,
    mirrors?: readonly string[],
    exclusive?: boolean,
  ) => ReturnType<typeof acquireLease>;
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
    acquire: (nonce, leaseMs = 60_000, mirrors = MIRRORS, exclusive = false) =>
      acquireLease(db.database, target.url, {
        nonce,
        holder: `holder of ${nonce}`,
        leaseMs,
        mirrors,
        exclusive,
      }),
    expire: async () =>
      db.sql`WITH marked AS (UPDATE datahub_sync.targets SET exclusive_until = clock_timestamp() - interval '1 ms'
                              WHERE id = ${id} AND exclusive_until IS NOT NULL)
             UPDATE datahub_sync.leases SET expires_at = clock_timestamp() - interval '1 ms' WHERE target_id = ${id}`,
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
