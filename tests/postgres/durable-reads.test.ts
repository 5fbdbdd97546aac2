import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type LocalPostgres } from "../../src/local/postgres/start-postgres.js";
import type { Database } from "../../src/postgres/database.js";
import { inspectMirror } from "../../src/source/inspect-mirror.js";
import { takeSnapshot } from "../../src/source/source-identity.js";
import { TableReader } from "../../src/source/table-reader.js";
import { applyMigrations } from "../../src/state/apply-migrations.js";
import { connectTo } from "../support/migrated-database.js";
import { track } from "../support/tracked-table.js";

/** Its own cluster, whose WAL writer sleeps: what nobody flushes stays in memory. */
let server: LocalPostgres;
let writer: postgres.Sql;
let database: Database;
let reader: TableReader;

beforeAll(async () => {
  server = await startPostgres({ settings: { wal_writer_delay: "10s" } });
  writer = postgres(server.url(), { max: 1, onnotice: () => {} });
  database = connectTo({ url: server.url() });
  await applyMigrations(database);
  await writer`CREATE TABLE things (id int PRIMARY KEY, a text)`;
  await writer`INSERT INTO things SELECT n, 'old' FROM generate_series(1, 3) n`;
  await track(writer, "things");
  const config = {
    ...{ relation: { schema: "public", name: "things" }, base: null, mirror: "things", key: null },
    ...{ ignore: [], exclude: [], columns: {} },
  };
  const rules = { encoderVersion: 1, fieldName: (name: string) => name };
  reader = new TableReader(database, await database.run("test", (sql) => inspectMirror(sql, config, rules)));
  await writer`SET synchronous_commit = off`;
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

describe("what is read is on the disk, or a crash would leave documents that no row explains", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["rows", () => reader.rows(["2"])],
    ["keys with their hashes", () => reader.keyHashes(null, 10)],
    ["keys with their hashes, from a key on", () => reader.keyHashes("1", 10)],
    ["keys that exist", () => reader.existing(["2", "9"])],
    ["the snapshot", () => takeSnapshot(database)],
  ])("%s", async (_, read) => {
    const end = await commitInMemory();
    await read();
    const [row] = await writer<{ flushed: boolean }[]>`
      SELECT pg_current_wal_flush_lsn() >= ${end}::text::pg_lsn AS flushed`;
    expect(row!.flushed).toBe(true);
  });
});
