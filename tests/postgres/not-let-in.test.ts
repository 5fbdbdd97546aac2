import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectTo } from "../support/migrated-database.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

let db: TestDatabase;
let role: string;
beforeAll(async () => {
  db = await createTestDatabase();
  role = `guest_${crypto.randomUUID().slice(0, 8)}`;
  await db.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'invented'`);
});
afterAll(async () => {
  await db.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await db.drop();
});

/** What a statement through a connection string fails with. */
async function fail(change: (url: URL) => void): Promise<unknown> {
  const url = new URL(db.url);
  change(url);
  const database = connectTo({ url: url.href });
  try {
    return await database
      .execute("connecting", (sql) => sql.unsafe("SELECT 1"))
      .catch((error: unknown) => error);
  } finally {
    await database.close();
  }
}

const asRole = (url: URL) => {
  [url.username, url.password] = [role, "invented"];
};
const says = (code: string, message: RegExp, remedy: RegExp) => ({
  code,
  message: expect.stringMatching(message) as string,
  remedy: expect.stringMatching(remedy) as string,
});

describe("DATABASE_URL", () => {
  test.each([
    ["-c jitt=off", says("CONFIG_INVALID", /parameter jitt \(42704\)/, /options in DATABASE_URL/)],
    ["-c jit=maybe", says("CONFIG_INVALID", /a start-up parameter \(22023\)/, /options in DATABASE_URL/)],
    ["-c wal_level=minimal", says("CONFIG_INVALID", /a start-up parameter \(55P02\)/, /options/)],
    ["--nothing", says("CONFIG_INVALID", /start-up parameter/, /options/)],
  ])("with options=%s that the server does not take", async (options, expected) => {
    expect(await fail((url) => url.searchParams.set("options", options))).toMatchObject(expected);
  });

  test("with options that are not the role's to set", async () => {
    const set = (url: URL) => {
      asRole(url);
      url.searchParams.set("options", "-c log_statement=all");
    };
    expect(await fail(set)).toMatchObject(
      says("CONFIG_INVALID", /parameter log_statement \(42501\)/, /options/),
    );
  });

  test("of a database that takes no connections", async () => {
    expect(await fail((url) => (url.pathname = "template0"))).toMatchObject(
      says("DATABASE_AUTH", /takes no connections/, /template/),
    );
  });

  test("of a role that may not connect, may not log in, or has too many connections", async () => {
    const name = new URL(db.url).pathname.slice(1);
    await db.sql.unsafe(`REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`);
    expect(await fail(asRole)).toMatchObject(says("PERMISSION_DENIED", /may not connect/, /GRANT CONNECT/));
    await db.sql.unsafe(`GRANT CONNECT ON DATABASE ${name} TO ${role}; ALTER ROLE ${role} NOLOGIN`);
    expect(await fail(asRole)).toMatchObject(says("DATABASE_AUTH", /28000/, /LOGIN/));
    await db.sql.unsafe(`ALTER ROLE ${role} LOGIN CONNECTION LIMIT 0`);
    expect(await fail(asRole)).toMatchObject(says("DATABASE_UNREACHABLE", /53300/, /CONNECTION LIMIT/));
    await db.sql.unsafe(`ALTER ROLE ${role} CONNECTION LIMIT -1 VALID UNTIL '2001-01-01'`);
    expect(await fail(asRole)).toMatchObject(says("DATABASE_AUTH", /28P01/, /expired/));
  });
});
