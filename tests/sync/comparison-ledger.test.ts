import { describe, expect, test } from "vitest";
import { mirrorNumber } from "../../convex/datahubSync/mirrorNumber.js";
import { isProgress, nth, watchRun } from "../support/crash.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";
import { QUIET } from "../support/paged-mirror.js";

const open = useMirrors({ settings: SMALL_PAGES });

/** Keys in an order of bytes, which both sides are read in; and in the order of a language. */
const KEYS = [
  { keys: "integers", id: "int", value: "n" },
  {
    keys: "texts in the order of a language",
    id: `text COLLATE "en-x-icu"`,
    value: "(CASE WHEN n % 2 = 0 THEN 'K' ELSE 'k' END) || n",
  },
];

async function loaded({ id, value }: (typeof KEYS)[number]): Promise<MirrorFixture> {
  const mirror = await open({
    ddl: `CREATE TABLE $t (id ${id} PRIMARY KEY, n int, a text);
          INSERT INTO $t SELECT ${value}, n, 'row ' || n FROM generate_series(1, 40) n`,
    settings: { pageRows: 3, maxInFlight: 2 },
  });
  await mirror.sync();
  return mirror;
}

/** By hand, in Convex: entries go, and their documents stay. The counts stay, too, as Convex keeps them. */
function removeEntries(mirror: MirrorFixture, which: (position: number) => boolean): number {
  const entries = [...mirror.deployment.tableDocuments("datahubSyncLedger")].filter(
    ({ m }) => m === mirrorNumber(mirror.table),
  );
  const removed = entries.filter((_, position) => which(position));
  for (const { _id } of removed) mirror.deployment.remove(_id);
  return removed.length;
}

const SHORT = expect.objectContaining({
  code: "LEDGER_SHORT",
  message: expect.stringMatching(
    /^The ledger in Convex has \d+ entr(y|ies) and should have \d+ entries/,
  ) as string,
}) as unknown;

async function expectSettled(mirror: MirrorFixture): Promise<void> {
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(QUIET);
  const status = await mirror.status();
  expect(status.tables[0]).toMatchObject({ rowsInMirror: 40, rowsInPostgres: 40, deletionsHeldBack: 0 });
  expect(mirror.state()).toMatchObject({ rows: 40 });
}

describe.each(KEYS)("invariant 1: entries of the ledger were removed by hand (keys: $keys):", (keys) => {
  test.each([
    ["half of them", (position: number) => position % 2 === 1],
    ["all but the first", (position: number) => position > 0],
    ["one", (position: number) => position === 17],
    ["the last", (position: number) => position === 39],
  ])("%s: a full run ends exact, deep by itself, and says why", async (_, which) => {
    const mirror = await loaded(keys);
    removeEntries(mirror, which);
    const report = await mirror.sync("full", { allowDeletes: true });
    expect(report.mode).toBe("deep");
    expect(report.notices).toContainEqual(SHORT);
    await expectSettled(mirror);
  });

  test("a delta that finds rows missing there compares, and ends exact", async () => {
    const mirror = await loaded(keys);
    removeEntries(mirror, (position) => position % 2 === 1);
    await mirror.run("UPDATE $t SET a = 'b' WHERE n <= 20");
    const report = await mirror.sync("delta", { allowDeletes: true });
    expect(report.mode).toBe("deep");
    expect(report.notices.map(({ code }) => code)).toEqual(["ENTRIES_MISSING", "LEDGER_SHORT"]);
    await expectSettled(mirror);
  });

  test("a delta that writes all rows that are missing there compares, and ends exact", async () => {
    const mirror = await loaded(keys);
    removeEntries(mirror, (position) => position === 17);
    await mirror.run("UPDATE $t SET a = 'b'");
    const report = await mirror.sync("delta", { allowDeletes: true });
    expect(report.notices.map(({ code }) => code)).toEqual(["ENTRIES_MISSING", "LEDGER_SHORT"]);
    await expectSettled(mirror);
  });

  test("also where the delta that wrote them is killed: the next one knows what that one had found", async () => {
    const mirror = await loaded(keys);
    removeEntries(mirror, (position) => position % 2 === 1);
    await mirror.run("UPDATE $t SET a = 'b'");
    // With pages of five entries, most of them are written by then.
    const { crashed } = await watchRun(mirror, { crashBefore: nth(7, isProgress) });
    expect(crashed).toBe(true);
    await mirror.expireLease();
    const report = await mirror.sync("delta", { allowDeletes: true });
    expect(report.notices.map(({ code }) => code)).toEqual(["RESUMED", "ENTRIES_MISSING", "LEDGER_SHORT"]);
    await expectSettled(mirror);
  });

  test("rows of some of them are gone, and others are new", async () => {
    const mirror = await loaded(keys);
    removeEntries(mirror, (position) => position % 2 === 1);
    await mirror.run(
      `DELETE FROM $t WHERE n <= 6; INSERT INTO $t SELECT ${keys.value}, n, 'new' FROM generate_series(41, 46) n`,
    );
    const report = await mirror.sync("full", { allowDeletes: true });
    expect(report.mode).toBe("deep");
    expect(report.notices).toContainEqual(SHORT);
    await expectSettled(mirror);
  });

  test("a comparison that the run makes by itself does the same", async () => {
    const mirror = await loaded(keys);
    removeEntries(mirror, (position) => position % 2 === 1);
    await mirror.run(
      "CREATE TEMPORARY TABLE kept AS SELECT * FROM $t; TRUNCATE $t; INSERT INTO $t SELECT * FROM kept; DROP TABLE kept",
    );
    const report = await mirror.sync("delta", { allowDeletes: true });
    expect(report.mode).toBe("deep");
    expect(report.notices.map(({ code }) => code)).toEqual(["BECAME_FULL", "LEDGER_SHORT"]);
    await expectSettled(mirror);
  });

  test("and the run that mends it is killed at any step: the next one ends exact", async () => {
    const mirror = await loaded(keys);
    const backup = mirror.deployment.export();
    const isTwo = (position: number) => position === 37 || position === 38;
    removeEntries(mirror, isTwo);
    const { steps } = await watchRun(mirror, { mode: "full", allowDeletes: true });
    await expectSettled(mirror);
    const lossy: string[] = [];
    for (const [index, step] of steps.entries()) {
      if (!/Convex: (applyBatch|listDocuments|finishRuns)|writing the progress/.test(step)) continue;
      // Both sides agree again, on what there was before.
      mirror.deployment.import(backup);
      await mirror.sync();
      removeEntries(mirror, isTwo);
      await watchRun(mirror, { mode: "full", allowDeletes: true, crashBefore: (_, at) => at === index });
      await mirror.expireLease();
      await mirror.sync("full", { allowDeletes: true });
      if (mirror.documents().length !== 40) lossy.push(`before ${step} (${index})`);
      else await mirror.compare();
    }
    expect(lossy).toEqual([]);
  });
});

test("a ledger that has what it should is not looked into by a full run", async () => {
  const mirror = await loaded(KEYS[0]!);
  const cost = await mirror.cost(() => mirror.sync("full"));
  // One, to see at the beginning that what the ledger names is there.
  expect(cost).toMatchObject({ documentsRead: 1, documentsWritten: 0 });
});
