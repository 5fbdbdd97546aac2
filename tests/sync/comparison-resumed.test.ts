import { describe, expect, test, vi } from "vitest";
import { MirrorSink } from "../../src/sink/mirror-sink.js";
import { TableReader } from "../../src/source/table-reader.js";
import type { CompareCursor } from "../../src/sync/compare-pass.js";
import { watchRun, type Step } from "../support/crash.js";
import { NOTHING, useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";

const open = useMirrors({ settings: SMALL_PAGES });

const KEYS = [
  { keys: "integers", id: "int", value: "n * 7919 % 100003", phases: ["merge", "done"] },
  {
    keys: "texts in the order of English",
    id: `text COLLATE "en-x-icu"`,
    value: "CASE n % 2 WHEN 0 THEN 'K' ELSE 'k' END || n * 7919 % 100003",
    phases: ["rows", "ledger", "done"],
  },
];

async function loaded({ id, value }: (typeof KEYS)[number]): Promise<MirrorFixture> {
  const mirror = await open({
    ddl: `CREATE TABLE $t (id ${id} PRIMARY KEY, n int, a text);
          INSERT INTO $t SELECT ${value}, n, 'row ' || n FROM generate_series(1, 60) n`,
    settings: { pageRows: 3, maxInFlight: 2 },
  });
  await mirror.sync();
  return mirror;
}

/** What a comparison has to find, here and there in the table, and each time as much. */
function change(mirror: MirrorFixture, value: string, round: number): Promise<unknown> {
  const first = 1000 + 10 * round;
  return mirror.run(
    `UPDATE $t SET a = 'round ${round}' WHERE n % 9 = 1 AND n < 60;
     DELETE FROM $t WHERE n BETWEEN ${first - 10} AND ${first - 5};
     INSERT INTO $t SELECT ${value}, n, 'new' FROM generate_series(${first}, ${first + 5}) n`,
  );
}

interface Listings {
  relation: (string | null)[];
  ledger: (string | null)[];
}

/** Where each page of either side began. */
async function watchListings(work: () => Promise<unknown>): Promise<Listings> {
  const seen: Listings = { relation: [], ledger: [] };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with their `this` below
  const [listLedger, keyHashes] = [MirrorSink.prototype.listLedger, TableReader.prototype.keyHashes];
  const spies = [
    vi.spyOn(MirrorSink.prototype, "listLedger").mockImplementation(function (this: MirrorSink, page) {
      seen.ledger.push(page.after);
      return listLedger.call(this, page);
    }),
    vi.spyOn(TableReader.prototype, "keyHashes").mockImplementation(function (
      this: TableReader,
      after,
      limit,
    ) {
      seen.relation.push(after);
      return keyHashes.call(this, after, limit);
    }),
  ];
  try {
    await work();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return seen;
}

const isMoment = (step: Step) =>
  /Convex: (applyBatch|listLedger|finishRuns)|writing the progress|(recording|clearing) deletions|announcing/.test(
    step,
  );

describe.each(KEYS)("invariant 3: a comparison that is killed (keys: $keys)", ({ phases, value, ...key }) => {
  test("goes on where it stopped, in each of its phases, and makes the deletions that it had found", async () => {
    const mirror = await loaded({ phases, value, ...key });
    await change(mirror, value, 0);
    await mirror.sync();
    await change(mirror, value, 1);
    const { steps } = await watchRun(mirror, { mode: "full" });
    const reached = new Set<string>();
    let round = 2;
    for (const [index, step] of steps.entries()) {
      if (!isMoment(step)) continue;
      await change(mirror, value, round++);
      const { crashed } = await watchRun(mirror, { mode: "full", crashBefore: (_, at) => at === index });
      if (!crashed) break; // where the changes lie, a run may have a step less
      const cursor = (await mirror.record())["run_cursor"] as CompareCursor | null;
      // What changes meanwhile, before the place and behind it, is found in the log.
      await change(mirror, value, round++);
      await mirror.expireLease();
      const seen = await watchListings(async () => {
        const report = await mirror.sync("delta", { allowDeletes: true });
        const resumed = report.notices.some(({ code }) => code === "RESUMED");
        expect([step, resumed]).toEqual([step, cursor?.kind === "compare"]);
      });
      await mirror.compare();
      if (cursor?.kind !== "compare") continue;
      reached.add(cursor.phase);
      const begun = { relation: seen.relation[0], ledger: seen.ledger[0] };
      if (cursor.phase === "merge") expect(begun).toEqual({ relation: cursor.after, ledger: cursor.after });
      if (cursor.phase === "rows") expect(begun).toEqual({ relation: cursor.after, ledger: null });
      if (cursor.phase === "ledger") expect(begun).toEqual({ relation: undefined, ledger: cursor.after });
      if (cursor.phase === "done") expect(begun).toEqual({ relation: undefined, ledger: undefined });
    }
    expect([...reached].sort()).toEqual([...phases].sort());
    expect(await mirror.sync()).toMatchObject({ ...NOTHING, mode: "delta", notices: [] });
  }, 240_000);
});
