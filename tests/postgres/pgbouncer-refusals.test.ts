import { afterAll, beforeAll, expect, test } from "vitest";
import { isRetryable } from "../../src/postgres/database-error.js";
import { connectTo } from "../support/migrated-database.js";
import { PgBouncer } from "../support/pgbouncer.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

let db: TestDatabase;
let bouncer: PgBouncer;
beforeAll(async () => {
  db = await createTestDatabase();
  bouncer = await PgBouncer.start(db.url, { poolSize: 1 });
});
afterAll(async () => {
  await bouncer.stop();
  await db.drop();
});

/** What the driver gets through the pooler, and what the user gets. */
async function fail(change: (url: URL) => void) {
  const url = new URL(bouncer.pooled(db.url));
  change(url);
  const database = connectTo({ url: url.href });
  let thrown: unknown;
  try {
    const statement = database.execute("connecting", (sql) =>
      sql.unsafe("SELECT 1").catch((error: unknown) => {
        thrown = error;
        throw error;
      }),
    );
    const shown = await statement.catch((error: unknown) => error as Error);
    return { retried: isRetryable(thrown), shown };
  } finally {
    await database.close();
  }
}

test.each([
  ["options", (url: URL) => url.searchParams.set("options", "-c statement_timeout=5s"), "CONFIG_INVALID"],
  ["jit", (url: URL) => url.searchParams.set("jit", "off"), "CONFIG_INVALID"],
])(
  "a parameter that PgBouncer does not take is named and not tried again: %s",
  async (name, change, code) => {
    const { retried, shown } = await fail(change);
    expect(retried).toBe(false);
    expect(shown).toMatchObject({
      code,
      exitCode: 2,
      message: expect.stringContaining("does not take the start-up parameter") as string,
      remedy: expect.stringMatching(
        new RegExp(`DATABASE_URL.*ignore_startup_parameters = (${name}|statement_timeout)`),
      ) as string,
    });
  },
);

test.each([
  ["user", (url: URL) => (url.username = "nobody"), /user and password/],
  ["password", (url: URL) => (url.password = "wrong"), /user and password/],
  ["database", (url: URL) => (url.pathname = "nowhere"), /path of DATABASE_URL/],
])("a %s that PgBouncer does not know is not tried again", async (_, change, remedy) => {
  const { retried, shown } = await fail(change);
  expect(retried).toBe(false);
  expect(shown).toMatchObject({ code: "DATABASE_AUTH", remedy: expect.stringMatching(remedy) as string });
});
