import postgres from "postgres";
import { inject } from "vitest";
import type { PostgresVersion } from "../../src/local/postgres/start-postgres.js";

/** For tests that ask for each version: `describe.each(ALL_POSTGRES_VERSIONS)`. */
export const ALL_POSTGRES_VERSIONS: readonly PostgresVersion[] = [15, 18];

/** The version of the tests that do not ask for one: TEST_POSTGRES_VERSION, or 18. */
export const POSTGRES_VERSION = readVersion(process.env["TEST_POSTGRES_VERSION"] ?? "18");

export interface TestDatabase {
  /** Connection string of the cluster's superuser. */
  url: string;
  sql: postgres.Sql;
  /** Ends all connections and drops the database. */
  drop: () => Promise<void>;
}

/** A new, empty database: nothing that a test does in it is seen by another test. */
export async function createTestDatabase(options: { version?: PostgresVersion } = {}): Promise<TestDatabase> {
  const clusterUrl = await findCluster(options.version ?? POSTGRES_VERSION);
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await runOnce(clusterUrl, `CREATE DATABASE ${name}`);

  const url = new URL(clusterUrl);
  url.pathname = name;
  const sql = postgres(url.href, { max: 10, onnotice: () => {} });
  return {
    url: url.href,
    sql,
    async drop() {
      await sql.end({ timeout: 0 });
      await runOnce(clusterUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function findCluster(version: PostgresVersion): Promise<string> {
  const response = await fetch(`${inject("brokerUrl")}/postgres/${version}`);
  const body = await response.text();
  if (!response.ok) throw new Error(body);
  return body;
}

async function runOnce(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

function readVersion(text: string): PostgresVersion {
  const version = ALL_POSTGRES_VERSIONS.find((known) => String(known) === text);
  if (version === undefined) {
    throw new Error(`TEST_POSTGRES_VERSION is ${text}; known are ${ALL_POSTGRES_VERSIONS.join(" and ")}.`);
  }
  return version;
}
