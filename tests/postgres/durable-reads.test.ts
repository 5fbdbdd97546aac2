import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type LocalPostgres } from "../../local/postgres/start-postgres.js";
import type { Database } from "../../src/postgres/database.js";
import { openRun } from "../support/run-steps.js";
import { inspectOne } from "../support/inspect-one.js";
import { takeSnapshot } from "../../src/source/source-identity.js";
import { TableReader } from "../../src/source/table-reader.js";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { acquireLease } from "../../src/state/take-lease.js";
import { connectTo } from "../support/migrated-database.js";
import { track } from "../support/tracked-table.js";

/** Its own cluster, whose WAL writer sleeps and where no commit waits for the disk: what nobody flushes stays in memory. */
let server: LocalPostgres;
let writer: postgres.Sql;
let database: Database;
let reader: TableReader;

beforeAll(async () => {
  server = await startPostgres({ settings: { wal_writer_delay: "10s", synchronous_commit: "off" } });
  writer = postgres(server.url(), { max: 1, onnotice: () => {} });
  database = connectTo({ url: server.url() });
  await applyMigrations(database);
  await writer`CREATE TABLE things (id int PRIMARY KEY, a text)`;
  await writer`INSERT INTO things SELECT n, 'old' FROM generate_series(1, 3) n`;
  await track(writer, "things");
  const config = {
    relation: { schema: "public", name: "things" },
    base: null,
    name: "things",
    key: null,
    updatedAt: "as-written" as const,
    ignore: [],
    exclude: [],
    columns: {},
  };
  const rules = { encoderVersion: 1, fieldName: (name: string) => name };
  reader = new TableReader(database, await database.execute("test", (sql) => inspectOne(sql, config, rules)));
});

afterAll(async () => {
  await writer.end({ timeout: 0 });
  await database.close();
  await server.stop("immediate");
});

/** Commits without waiting for the disk, and says how far the WAL has to be flushed to keep it. */
async function commitInMemory(): Promise<string> {
  await writer`UPDATE things SET a = a || '!' WHERE id = 2`;
  const [row] = await writer<{ end: string; flushed: boolean }[]>`
    SELECT pg_current_wal_insert_lsn()::text AS end,
           pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() AS flushed`;
  expect(row!.flushed).toBe(false);
  return row!.end;
}

/** What a run writes before it reads its first row. */
async function beginRun(): Promise<void> {
  const [tracked] = await writer<{ id: number }[]>`SELECT id FROM datahub_sync.tracked_tables`;
  const { token } = await acquireLease(database, "http://127.0.0.1:1", {
    nonce: "n",
    holder: "test",
    leaseMs: 60_000,
    mirrors: ["things"],
  });
  await openRun(database, token, "things", tracked!.id, {
    nonce: "n",
    priorNonce: null,
    mode: "full",
    snapshot: "10:10:",
    snapshotAt: "2024-01-01T00:00:00Z",
    seen: { files: "f" },
    history: "h",
    cursor: null,
    finalNonce: null,
  });
}

describe("what is read is on the disk, or a crash would leave documents that no row explains", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["rows", () => reader.rows(["a2"], 1000)],
    ["keys with their hashes", () => reader.keyHashes(null, 10)],
    ["keys with their hashes, from a key on", () => reader.keyHashes("a1", 10)],
    ["keys that exist", () => reader.existing(["a2", "a9"])],
    ["the snapshot", () => takeSnapshot(database)],
    ["the start of a run", beginRun],
  ])("%s", async (_, read) => {
    const end = await commitInMemory();
    await read();
    const [row] = await writer<{ flushed: boolean }[]>`
      SELECT pg_current_wal_flush_lsn() >= ${end}::text::pg_lsn AS flushed`;
    expect(row!.flushed).toBe(true);
  });
});
