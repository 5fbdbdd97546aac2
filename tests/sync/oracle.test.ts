import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReservedSql } from "postgres";
import { randomFaults } from "../../local/convex/faults.js";
import { watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";

const open = useMirrors();
const SETTINGS = { pageRows: 3, pageKeys: 4, pageHashes: 5, maxInFlight: 3 };

/** What can happen around a mirror. Keys are few, so that they meet. */
type Event =
  | { kind: "write"; sql: string }
  | { kind: "begin" | "commit" | "rollback" }
  | { kind: "inside"; sql: string }
  | { kind: "sync"; mode: "delta" | "full" | "deep" }
  | { kind: "crash"; mode: "delta" | "full" | "deep"; step: number };

const key = fc.integer({ min: 1, max: 12 });
const text = fc.constantFrom("a", "b", "c", "");
const write = fc.oneof(
  fc
    .record({ id: key, a: text })
    .map(
      ({ id, a }) => `INSERT INTO $t VALUES (${id}, '${a}') ON CONFLICT (id) DO UPDATE SET a = excluded.a`,
    ),
  fc.record({ id: key, a: text }).map(({ id, a }) => `UPDATE $t SET a = '${a}' WHERE id = ${id}`),
  fc
    .record({ id: key, to: key })
    .map(
      ({ id, to }) =>
        `UPDATE $t SET id = ${to} WHERE id = ${id} AND NOT EXISTS (SELECT FROM $t WHERE id = ${to})`,
    ),
  key.map((id) => `DELETE FROM $t WHERE id = ${id}`),
  fc.constant("UPDATE $t SET a = a"),
  fc.constant("INSERT INTO $t SELECT n, 'many' FROM generate_series(1, 12) n ON CONFLICT DO NOTHING"),
);
const mode = fc.constantFrom("delta" as const, "delta" as const, "full" as const, "deep" as const);
const event: fc.Arbitrary<Event> = fc.oneof(
  { arbitrary: write.map((sql) => ({ kind: "write" as const, sql })), weight: 6 },
  { arbitrary: fc.constant({ kind: "write" as const, sql: "TRUNCATE $t" }), weight: 1 },
  {
    arbitrary: fc.constantFrom("begin", "commit", "rollback").map((kind) => ({ kind })),
    weight: 2,
  },
  { arbitrary: write.map((sql) => ({ kind: "inside" as const, sql })), weight: 3 },
  { arbitrary: mode.map((mode) => ({ kind: "sync" as const, mode })), weight: 3 },
  {
    arbitrary: fc.record({
      kind: fc.constant("crash" as const),
      mode,
      step: fc.integer({ min: 4, max: 40 }),
    }),
    weight: 2,
  },
);

/** Plays the events; whenever a run gets to its end, the mirror has to equal what is committed. */
async function play(mirror: MirrorFixture, events: readonly Event[]): Promise<void> {
  let transaction: ReservedSql | null = null;
  const end = async (how: string): Promise<void> => {
    await transaction?.unsafe(how);
    transaction?.release();
    transaction = null;
  };
  // Locks of the open transaction must not stop the test: such a statement is not what happens.
  const attempt = async (
    statements: { unsafe: (sql: string) => PromiseLike<unknown> },
    sql: string,
  ): Promise<void> => {
    const text = `SET LOCAL lock_timeout = '30ms'; ${sql.replaceAll("$t", mirror.table)}`;
    await Promise.resolve(statements.unsafe(text)).catch((error: { code?: string }) => {
      if (!["55P03", "25P02", "23505", "40P01"].includes(error.code ?? "")) throw error;
    });
  };
  try {
    for (const happening of events) {
      switch (happening.kind) {
        case "write":
          await attempt(mirror.sql, happening.sql);
          break;
        case "begin":
          if (transaction !== null) break;
          transaction = await mirror.sql.reserve();
          await transaction.unsafe("BEGIN");
          break;
        case "inside":
          if (transaction !== null) await attempt(transaction, happening.sql);
          break;
        case "commit":
        case "rollback":
          await end(happening.kind.toUpperCase());
          break;
        case "sync":
          await mirror.sync(happening.mode, { allowDeletes: true });
          await mirror.compare();
          break;
        case "crash":
          await watchRun(mirror, {
            mode: happening.mode,
            allowDeletes: true,
            crashBefore: (_, index) => index === happening.step,
          });
          await mirror.expireLease();
          break;
      }
    }
    await end("COMMIT");
    await mirror.sync("delta", { allowDeletes: true });
    await mirror.compare();
    expect(await mirror.sync()).toMatchObject({
      mode: "delta",
      read: 0,
      inserted: 0,
      updated: 0,
      deleted: 0,
    });
  } finally {
    await end("ROLLBACK");
  }
}

describe("invariants 1, 2 and 3, whatever happens in whatever order", () => {
  test("each run that ends leaves the mirror equal to what is committed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 8, maxLength: 24 }), async (events) => {
        const mirror = await open({
          ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
          settings: SETTINGS,
        });
        await play(mirror, events);
      }),
      { numRuns: 25, seed: 20261122, endOnFailure: true },
    );
  });

  test("and whatever the network does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 6, maxLength: 14 }), fc.nat(), async (events, seed) => {
        const odds = {
          delay: 0.1,
          tooManyRequests: 0.05,
          overloaded: 0.05,
          conflict: 0.05,
          failedAfterCommit: 0.04,
          cutBeforeCall: 0.04,
          cutAfterCommit: 0.04,
          cutMidAnswer: 0.04,
        };
        const mirror = await open({
          ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)",
          settings: SETTINGS,
          deployment: { faults: randomFaults(seed, odds) },
        });
        await play(mirror, events);
      }),
      { numRuns: 12, seed: 20261122, endOnFailure: true },
    );
  });
});
