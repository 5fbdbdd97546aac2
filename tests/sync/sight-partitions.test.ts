import { describe, expect, test, vi } from "vitest";
import { isProgress, nth, watchRun, type Step } from "../support/crash.js";
import { useMirrors, type MirrorFixture } from "../support/mirror-fixture.js";
import { QUIET } from "../support/paged-mirror.js";

// Small pages, so that a few rows make several of them.
vi.mock("../../src/sync/run-context.js", () => ({ KEYS_PER_PAGE: 5, LEDGER_PAGE: 7 }));

const open = useMirrors();

/** Twenty rows in a partition, and ten in a table that could be another: behind them, before them, or among them. */
async function partitioned(ids: string): Promise<MirrorFixture> {
  return open({
    ddl: `CREATE TABLE $t (id int, part int, a text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
          CREATE TABLE $t_1 PARTITION OF $t FOR VALUES IN (1);
          CREATE TABLE $t_2 (LIKE $t INCLUDING ALL);
          INSERT INTO $t SELECT n, 1, 'row ' || n FROM generate_series(1, 20) n;
          INSERT INTO $t_2 SELECT n, 2, 'of 2' FROM generate_series(${ids}) n`,
    settings: { pageRows: 3, maxInFlight: 2 },
  });
}
const BEHIND = "21, 30";
const ATTACH = "ALTER TABLE $t ATTACH PARTITION $t_2 FOR VALUES IN (2)";
const DETACH = "ALTER TABLE $t DETACH PARTITION $t_2";

const isListing = (step: Step) => /^Postgres: (listing|comparing) keys/.test(step);
const isEnd = (step: Step) => step === "Convex: finishRun";

async function settle(mirror: MirrorFixture): Promise<void> {
  await mirror.sync("delta", { allowDeletes: true });
  await mirror.compare();
  expect(await mirror.sync()).toMatchObject(QUIET);
}

describe("invariant 14: a partition comes while a run lists the table, and goes", () => {
  // A first load, and a full run into a mirror that is there.
  describe.each(["load", "full"] as const)("(%s)", (kind) => {
    async function prepared(ids: string): Promise<MirrorFixture> {
      const mirror = await partitioned(ids);
      if (kind === "full") await mirror.sync();
      return mirror;
    }
    const mode = kind === "load" ? "delta" : "full";

    test.each([["21, 30"], ["-10, -1"], ["1, 10"]])("before the next run (its keys are %s)", async (ids) => {
      const mirror = await prepared(ids);
      const isFirst = nth(1, isListing);
      const { report } = await watchRun(mirror, {
        mode,
        onStep: async (step) => {
          if (isFirst(step)) await mirror.run(ATTACH);
        },
      });
      expect(report!.tables[0]!.notices).toContainEqual(expect.objectContaining({ code: "CATALOG_CHANGED" }));
      expect(mirror.documents()).toHaveLength(30);
      await mirror.run(DETACH);
      await settle(mirror);
      expect(mirror.documents()).toHaveLength(20);
    });

    test("before the run ends: both looks at the catalog see the same", async () => {
      const mirror = await prepared(BEHIND);
      const isFirst = nth(1, isListing);
      const { report } = await watchRun(mirror, {
        mode,
        onStep: async (step) => {
          if (isFirst(step)) await mirror.run(ATTACH);
          if (isEnd(step)) throw new Error("too late");
          if (step.startsWith("Postgres: counting the deletions") || step === "Postgres: reading the catalog") {
            const [attached] = await mirror.run("SELECT relispartition AS is FROM pg_class WHERE relname = '$t_2'");
            if (attached!["is"]) await mirror.run(DETACH);
          }
        },
      }).catch((error: unknown) => {
        throw error;
      });
      expect(report).not.toBeNull();
    });
  });
});
