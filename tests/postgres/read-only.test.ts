import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "drizzle-orm";
import { systemClock } from "../../src/model/clock.js";
import { Database } from "../../src/postgres/database.js";
import { takeSnapshot } from "../../src/source/source-identity.js";
import { createMigratedDatabase, type MigratedDatabase } from "../support/migrated-database.js";

let db: MigratedDatabase;
let reading: Database;
beforeAll(async () => {
  db = await createMigratedDatabase();
  reading = new Database({
    url: db.url,
    ssl: false,
    clock: systemClock,
    maxAttempts: 1,
    readOnly: true,
    connectTimeoutMs: 60_000,
    statementTimeoutMs: 60_000,
  });
});
afterAll(async () => {
  await reading.close();
  await db.drop();
});

const INSERT = "INSERT INTO datahub_sync.targets (url) VALUES ('https://nobody.example')";

test("what is opened for reading cannot write: Postgres refuses it, with parameters and without", async () => {
  const refused = { cause: { code: "25006" } };
  await expect(reading.execute("writing", (client) => client.unsafe(INSERT))).rejects.toMatchObject(refused);
  await expect(
    reading.execute("writing", (client) =>
      client.unsafe("SELECT nextval($1::text::regclass)", ["datahub_sync.targets_id_seq"]).values(),
    ),
  ).rejects.toMatchObject(refused);
  await expect(
    reading.executeDrizzle("writing", (drizzle) => drizzle.execute(sql.raw(INSERT))),
  ).rejects.toMatchObject(refused);
  expect(await db.sql`SELECT * FROM datahub_sync.targets`).toEqual([]);
});

test("it reads rows and values, goes on after a failure, and leaves nothing set for the next one", async () => {
  const answer = await reading.execute("reading", async (client) => {
    await client.unsafe("SELECT 1/0").catch(() => {});
    return client.unsafe<{ n: string }[]>("SELECT $1::text AS n", ["1"]);
  });
  expect([...answer]).toEqual([{ n: "1" }]);
  expect([...(await reading.execute("reading", (client) => client.unsafe("SELECT 2").values()))]).toEqual([
    ["2"],
  ]);
  const setting = "SELECT current_setting('default_transaction_read_only') AS here";
  expect([...(await reading.execute("reading", (client) => client.unsafe(setting)))]).toEqual([
    { here: "off" },
  ]);
});

test("a snapshot that nobody acts upon takes no transaction id, and writes nothing to the WAL", async () => {
  const at = () => db.sql`SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax`;
  const xidOf = (database: Database) =>
    database.execute("looking", (client) =>
      client.unsafe<{ xid: string | null }[]>("SELECT pg_current_xact_id_if_assigned()::text AS xid"),
    );
  expect(await at()).toHaveLength(1);
  await takeSnapshot(reading);
  expect((await xidOf(reading))[0]!.xid).toBeNull();
});
