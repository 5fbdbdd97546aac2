import postgres from "postgres";
import { inject } from "vitest";
import { POSTGRES_VERSIONS } from "../../local/postgres/binaries.js";
import type { PostgresVersion } from "../../local/postgres/start-postgres.js";

/** For tests that ask for each version: `describe.each(ALL_POSTGRES_VERSIONS)`. */
export const ALL_POSTGRES_VERSIONS: readonly PostgresVersion[] = POSTGRES_VERSIONS;

/** The version of the tests that do not ask for one: TEST_POSTGRES_VERSION, or 18. */
export const POSTGRES_VERSION = readVersion(process.env["TEST_POSTGRES_VERSION"] ?? "18");

export interface TestDatabase {
  /** Connection string of the cluster's superuser. */
  url: string;
  sql: postgres.Sql;
  /** Ends all connections and drops the database. */
  drop: () => Promise<void>;
}

export interface TestDatabaseOptions {
  version?: PostgresVersion;
  /** Connection string of a cluster of the test's own. */
  cluster?: string;
  /** The encoding in the place of UTF8; such a database sorts by bytes. */
  encoding?: string;
}

/** A new, empty database: nothing that a test does in it is seen by another test. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const cluster = options.cluster ?? (await findCluster(options.version ?? POSTGRES_VERSION));
  if (options.encoding === undefined) return createDatabase(cluster);
  return createDatabase(cluster, `template0 ENCODING '${options.encoding}' LOCALE 'C'`);
}

/** The database as it is now, in the same cluster: a backup. Ends the connections to the original. */
export async function copyDatabase({ url }: { url: string }): Promise<TestDatabase> {
  const { cluster, name } = splitUrl(url);
  await runOnce(cluster, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  return createDatabase(cluster, name);
}

/** Puts a backup in a database's place, under its name and its oid. Nothing may use the backup meanwhile. */
export async function restoreDatabase({ url }: { url: string }, backup: TestDatabase): Promise<void> {
  const { cluster, name } = splitUrl(url);
  await backup.sql.end({ timeout: 0 });
  const oid = await runOnce(cluster, `SELECT oid FROM pg_database WHERE datname = '${name}'`);
  await runOnce(cluster, `DROP DATABASE ${name} WITH (FORCE)`);
  const template = splitUrl(backup.url).name;
  await runOnce(cluster, `CREATE DATABASE ${name} TEMPLATE ${template} OID = ${oid[0]!["oid"] as number}`);
  // Postgres panics when it drops this database while its statistics still count as dropped, with the first one of that
  // oid. They do as long as a process refers to them, often the autovacuum launcher, until somebody connects.
  await runOnce(url, "SELECT 1");
}

function splitUrl(url: string): { cluster: string; name: string } {
  const parsed = new URL(url);
  const name = parsed.pathname.slice(1);
  parsed.pathname = "postgres";
  return { cluster: parsed.href, name };
}

async function createDatabase(clusterUrl: string, template = "template1"): Promise<TestDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await runOnce(clusterUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);

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

async function runOnce(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    return await sql.unsafe<Record<string, unknown>[]>(statement);
  } finally {
    // Without a timeout it never resolves once a connection has closed under a statement.
    await sql.end({ timeout: 0 });
  }
}

function readVersion(text: string): PostgresVersion {
  const version = ALL_POSTGRES_VERSIONS.find((known) => String(known) === text);
  if (version === undefined) {
    throw new Error(`TEST_POSTGRES_VERSION is ${text}; known are ${ALL_POSTGRES_VERSIONS.join(" and ")}.`);
  }
  return version;
}
