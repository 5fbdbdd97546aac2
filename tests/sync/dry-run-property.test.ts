import fc from "fast-check";
import { expect, test } from "vitest";
import { expectIoForeseen, foreseeRun } from "../support/foresee-run.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { asRunner } from "../support/runner-role.js";

const open = useMirrors({ settings: { pageKeys: 30, pageHashes: 40 } });

/** What happens between two runs. `$n` stands for a number from 1 to 120. */
const EVENTS = [
  "UPDATE $t SET a = repeat('v$n', 50) WHERE id <= $n",
  "UPDATE $t SET a = a WHERE id <= $n",
  "INSERT INTO $t SELECT n, 'new' FROM generate_series(121, 121 + $n) n ON CONFLICT DO NOTHING",
  "DELETE FROM $t WHERE id % 10 = $n % 10",
  "DELETE FROM $t WHERE id > $n",
  "UPDATE $t SET id = -id WHERE id = $n",
  "UPDATE $t SET a = repeat('x', 1100000) WHERE id = $n",
  "TRUNCATE $t",
  "ALTER TABLE $t DISABLE TRIGGER USER; UPDATE $t SET a = 'unlogged' WHERE id % 7 = $n % 7",
  "ALTER TABLE $t ADD COLUMN c_$n int DEFAULT 1",
];

/** And what somebody does by hand in Convex. That a document was removed, look-ups in the ledger do not tell. */
const HANDS: Record<string, (mirror: MirrorFixture, n: number) => void> = {
  "a document edited": (mirror, n) =>
    forDocument(mirror, n, (id) => mirror.deployment.patch(id, { a: "hand" })),
  "a document added": (mirror, n) => void mirror.deployment.insert(mirror.table, { id: 1000 + n }),
};

function forDocument(mirror: MirrorFixture, n: number, work: (id: string) => void): void {
  const documents = mirror.documents();
  const one = documents[n % Math.max(1, documents.length)];
  if (one !== undefined) work(one._id);
}

const step = fc.record({
  events: fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.integer({ min: 1, max: 120 })), { maxLength: 3 }),
  hands: fc.array(fc.tuple(fc.constantFrom(...Object.keys(HANDS)), fc.integer({ min: 0, max: 200 })), {
    maxLength: 1,
  }),
  mode: fc.constantFrom("delta" as const, "delta" as const, "full" as const, "deep" as const),
  allowDeletes: fc.boolean(),
});

test("whatever has happened, a dry run writes nothing and counts what the run after it does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
      const mirror = await open({ ddl: "CREATE TABLE $t (id int PRIMARY KEY, a text)" });
      await mirror.run("INSERT INTO $t SELECT n, repeat('old', 30) FROM generate_series(1, 120) n");
      await mirror.sync();
      for (const { events, hands, mode, allowDeletes } of steps) {
        for (const [event, n] of events) {
          await mirror.run(event.replaceAll("$n", String(n))).catch((error: { code?: string }) => {
            // Two columns of one name, a key that is there: as if it had not been tried.
            expect(["42701", "23505"]).toContain(error.code);
          });
        }
        for (const [hand, n] of hands) HANDS[hand]!(mirror, n);
        await foreseeRun(mirror, mode, { allowDeletes }, 2);
      }
    }),
    { numRuns: 25 },
  );
}, 300_000);

test("several mirrors at once, and a role that owns nothing", async () => {
  const mirror = await open({
    ddl: 'CREATE TABLE $t (id int PRIMARY KEY, a text); CREATE TABLE $t_b (id text COLLATE "en-x-icu" PRIMARY KEY, a text)',
    mirrors: [{ relation: "$t" }, { relation: "$t_b" }],
  });
  await mirror.run(
    "INSERT INTO $t SELECT n, 'a' FROM generate_series(1, 200) n; INSERT INTO $t_b SELECT n, 'b' FROM generate_series(1, 90) n",
  );
  expectIoForeseen(await foreseeRun(mirror));
  const { runner, role } = await asRunner(mirror);
  await mirror.run(`GRANT SELECT ON $t_b TO ${role}; SELECT datahub_sync.grant_runner('${role}')`);
  await runner.sync("full");
  await mirror.run(
    "UPDATE $t SET a = 'c' WHERE id < 50; ALTER TABLE $t_b DISABLE TRIGGER USER; UPDATE $t_b SET a = 'c'",
  );
  const foreseen = await foreseeRun(runner);
  expect(foreseen.dry.tables).toMatchObject([
    { run: "delta", updated: 49 },
    { run: "compare", updated: 90, tracking: "unmended" },
  ]);
  expectIoForeseen(foreseen);
});
