import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { Database } from "../../src/postgres/database.js";
import { DistantPort } from "../support/distant-port.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

let db: TestDatabase;
let port: DistantPort;
let database: Database;
beforeAll(async () => {
  db = await createTestDatabase();
  port = await DistantPort.open(db.url);
  database = new Database({
    url: port.url,
    ssl: false,
    clock: systemClock,
    connectTimeoutMs: 30_000,
    statementTimeoutMs: 600_000,
  });
  await database.execute("connecting", (client) => client.unsafe("SELECT 1"));
});
afterAll(async () => {
  await database.close();
  await port.close();
  await db.drop();
});

async function countTurns(work: () => Promise<unknown>): Promise<number> {
  const before = port.turns;
  await work();
  return port.turns - before;
}

describe("a statement is one round trip", () => {
  test("without parameters", async () => {
    const ask = () => database.execute("asking", (client) => client.unsafe("SELECT 1"));
    expect(await countTurns(ask)).toBe(1);
  });

  test("with parameters, NULL among them, and with values as lists", async () => {
    const ask = () =>
      database.execute("asking", (client) =>
        client
          .unsafe("SELECT $1::text, $2::text::integer + 1, $3::text", ["é\u{1F600}", 41, null] as never[])
          .values(),
      );
    expect(await countTurns(async () => expect(await ask()).toEqual([["é\u{1F600}", "42", null]]))).toBe(1);
  });

  test("from Drizzle", async () => {
    const ask = () =>
      database.executeDrizzle("asking", (orm) =>
        orm.execute(sql`SELECT ${7}::integer AS n, ${"a"}::text AS t`),
      );
    expect(await countTurns(async () => expect(await ask()).toEqual([{ n: "7", t: "a" }]))).toBe(1);
  });

  test("where it fails; the next one is answered, on another connection (see driver-faults.test.ts)", async () => {
    const fail = () =>
      database.execute("asking", (client) => client.unsafe("SELECT $1::text::integer", ["x"]));
    expect(await countTurns(() => expect(fail()).rejects.toThrow())).toBe(1);
    const ask = () => database.execute("asking", (client) => client.unsafe("SELECT $1::text AS t", ["y"]));
    expect(await ask()).toEqual([{ t: "y" }]);
    expect(await countTurns(async () => expect(await ask()).toEqual([{ t: "y" }]))).toBe(1);
  });
});

test("what has no text of its own is refused, not printed as [object Object]", async () => {
  await expect(
    database.execute("asking", (client) => client.unsafe("SELECT $1::text", [{}] as never[])),
  ).rejects.toMatchObject({ cause: { name: "TypeError" } });
});
