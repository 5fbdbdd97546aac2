import { expect, test } from "vitest";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { OwnersWriters } from "../support/owners-writers.js";

const open = useMirrors();

/** What an owner does to a table of his, without a wait of his own that others would have to share. */
const DRIFTS = [
  "ALTER TABLE $t DISABLE TRIGGER ALL",
  "ALTER TABLE $t ADD COLUMN extra# int",
  "ALTER TABLE $t ENABLE TRIGGER ALL",
  "ALTER TABLE $t DROP COLUMN IF EXISTS extra#, ALTER COLUMN a TYPE text",
];

const PLAIN = "CREATE TABLE $t (id int PRIMARY KEY, a text, n int)";
const PARTITIONED = `${PLAIN} PARTITION BY RANGE (id); ${[0, 1, 2, 3]
  .map((n) => `CREATE TABLE $t_${n} PARTITION OF $t FOR VALUES FROM (${n * 100}) TO (${n * 100 + 100})`)
  .join("; ")}`;

/** Writers of every kind: single rows, transactions of several statements and of two tables, in bulk, upserts, moved keys. */
const SESSIONS = [
  ["UPDATE $t SET n = # WHERE id = 1 + # % 50", "UPDATE $t SET a = a WHERE id = 51 + # % 40"],
  ["BEGIN; UPDATE $t SET n = n + 1 WHERE id = 100; UPDATE $t_beside SET n = # WHERE id = 1; COMMIT"],
  ["BEGIN; UPDATE $t_beside SET n = # WHERE id = 2; UPDATE $t SET n = n + 1 WHERE id = 101; COMMIT"],
  [
    "INSERT INTO $t (id, n) SELECT i, # FROM generate_series(200, 299) AS i",
    "UPDATE $t SET n = n + 1 WHERE id BETWEEN 200 AND 299",
    "INSERT INTO $t (id, n) SELECT i, # FROM generate_series(200, 299) AS i ON CONFLICT (id) DO UPDATE SET n = excluded.n",
    "DELETE FROM $t WHERE id BETWEEN 200 AND 299",
  ],
  [
    "INSERT INTO $t (id, n) VALUES (300, #)",
    "UPDATE $t SET id = 301 WHERE id = 300",
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM $t; UPDATE $t SET n = # WHERE id = 301; COMMIT",
    "DELETE FROM $t WHERE id = 301",
  ],
  // One that takes its time: whoever waited for it would hold up all the others.
  ["BEGIN; UPDATE $t SET n = # WHERE id = 102; SELECT pg_sleep(2.5); COMMIT", "SELECT pg_sleep(0.4)"],
];

/** Like an administrator who does not want to be in the way: for a moment, again and again. */
async function alter(mirror: MirrorFixture, statement: string): Promise<void> {
  for (;;) {
    const refused = await mirror
      .run(`SET lock_timeout = '20ms'; ${statement}`)
      .then(() => false)
      .catch((error: { code?: string }) => {
        if (error.code !== "55P03") throw error;
        return true;
      });
    if (!refused) return;
  }
}

test.each([
  { kind: "an ordinary table", ddl: PLAIN },
  { kind: "a partitioned table", ddl: PARTITIONED },
])(
  "invariant 12: beside runs that heal $kind no statement of its owner's fails, deadlocks or waits for long",
  async ({ ddl }) => {
    const mirror = await open({
      ddl: `${ddl}; INSERT INTO $t (id, n) SELECT n, n FROM generate_series(1, 150) AS n;
            CREATE TABLE $t_beside (id int PRIMARY KEY, n int); INSERT INTO $t_beside VALUES (1, 1), (2, 2)`,
      mirrors: [{ relation: "$t" }, { relation: "$t_beside" }],
    });
    await mirror.sync();
    const sessions = SESSIONS.map((each) => each.map((text) => text.replaceAll("$t", mirror.table)));
    const writers = new OwnersWriters(mirror.db.url, sessions);
    const seen = new Set<string | null>();
    try {
      for (let round = 0; round < DRIFTS.length; round++) {
        for (const table of ["$t", "$t_beside"]) {
          const drift = DRIFTS[round % DRIFTS.length]!.replaceAll("$t", table).replaceAll(
            "#",
            String(Math.floor(round / DRIFTS.length)),
          );
          // The smaller table has no such column to retype.
          if (table === "$t" || !drift.includes("ALTER COLUMN")) await alter(mirror, drift);
        }
        const { tables } = await mirror.runSync("delta", { allowDeletes: true });
        for (const { error, tracking } of tables) {
          expect(error).toBeUndefined();
          seen.add(tracking);
        }
      }
    } finally {
      await writers.stop();
    }
    expect(writers.refusals).toEqual([]);
    expect(Math.min(...writers.rounds)).toBeGreaterThan(0);
    expect(seen).toContain("mended");
    await mirror.sync("delta", { allowDeletes: true });
    await mirror.compare();
    for (const { tracking } of (await mirror.runSync()).tables) expect(tracking).toBe("intact");
  },
  120_000,
);
