import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ALL_POSTGRES_VERSIONS, createTestDatabase, type TestDatabase } from "../support/postgres.js";

describe.each(ALL_POSTGRES_VERSIONS)("a test database of Postgres %i", (version) => {
  let one: TestDatabase;
  let other: TestDatabase;
  beforeAll(async () => {
    [one, other] = await Promise.all([createTestDatabase({ version }), createTestDatabase({ version })]);
  });
  afterAll(() => Promise.all([one.drop(), other.drop()]));

  test("runs on the version asked for", async () => {
    const [row] = await one.sql<{ number: string }[]>`
      SELECT current_setting('server_version_num') AS number`;
    expect(Math.floor(Number(row?.number) / 10_000)).toBe(version);
  });

  test("has the settings that the sync's tests need", async () => {
    const rows = await one.sql<{ name: string; setting: string }[]>`
      SELECT name, setting FROM pg_settings
      WHERE name IN ('synchronous_commit', 'max_connections', 'max_prepared_transactions', 'wal_level')`;
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      synchronous_commit: "on",
      max_connections: "200",
      max_prepared_transactions: "20",
      wal_level: "replica",
    });
  });

  test("shares nothing with another one", async () => {
    await one.sql`CREATE TABLE only_here (id int)`;
    const [row] = await other.sql<{ found: string | null }[]>`SELECT to_regclass('only_here')::text AS found`;
    expect(row?.found).toBeNull();
  });

  test("is gone after drop, although somebody is connected", async () => {
    const { url, sql, drop } = await createTestDatabase({ version });
    await sql`SELECT 1`;
    await drop();
    const name = new URL(url).pathname.slice(1);
    const found = await one.sql`SELECT 1 FROM pg_database WHERE datname = ${name}`;
    expect(found).toHaveLength(0);
  });
});
