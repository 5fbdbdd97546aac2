import { describe, expect, it } from "vitest";
import { localStack } from "./local-stack.js";
import { setUpScene, tableOf } from "./scene.js";

const TABLE = "onemap_poles";
/** Little under way at once: what is left to grow is what must not. */
const FRUGAL = ["--table", TABLE, "--max-in-flight", "1", "--page-rows", "50"];
const ADDED_ROWS = 1_750;
const SEVERAL = ["sow_poles", "sow_drops", "onemap_installations"];
/** As much as the added rows hold as text, the program itself included: who kept the table would run out of it. */
const HEAP = { NODE_OPTIONS: "--max-old-space-size=64" };
/** A batch that is not full yet, and what parsing leaves behind, is each table's own. */
const HEAP_OF_SEVERAL = { NODE_OPTIONS: "--max-old-space-size=96" };

describe("invariant 10: memory is bounded whatever the size of a table", () => {
  const scene = setUpScene(localStack, {
    scale: 0.01,
    prepare: async ({ cli, stack }) => {
      expect(await cli.run(["migrate"])).toMatchObject({ code: 0 });
      // 36 KB a row that do not compress, 63 MB in all, twice.
      for (const [table, rows] of [[TABLE, ADDED_ROWS] as const, ...SEVERAL.map((of) => [of, 600] as const)])
        await stack.sql`
        INSERT INTO ${stack.sql(table)} (raw_data)
        SELECT (SELECT jsonb_object_agg('k' || part, row || ':' || md5(row::text || part) || md5(part::text || row))
                  FROM generate_series(1, 450) AS part)
          FROM generate_series(1, ${rows}::int) AS row`;
    },
  });

  it("in a first load and a deep run", { timeout: 180_000 }, async () => {
    const load = await scene.cli.sync(FRUGAL, HEAP);
    expect(load.code).toBe(0);
    expect(tableOf(load.report, TABLE).inserted).toBeGreaterThanOrEqual(ADDED_ROWS);
    expect(load.report.totals.bytesSent).toBeGreaterThan(58_000_000);

    const deep = await scene.cli.sync(["--full", "--deep", ...FRUGAL], HEAP);
    expect(deep.code).toBe(0);
    expect(tableOf(deep.report, TABLE)).toMatchObject({ inserted: 0, updated: 0, deleted: 0 });
  });

  it("and however many tables are worked on at the same time", { timeout: 180_000 }, async () => {
    const flags = [...SEVERAL.flatMap((table) => ["--table", table]), "--parallel", "3", ...FRUGAL.slice(2)];
    const load = await scene.cli.sync(flags, HEAP_OF_SEVERAL);
    expect(load).toMatchObject({ code: 0, stderr: expect.not.stringContaining("MaxListeners") as string });
    expect(load.report.totals.bytesSent).toBeGreaterThan(58_000_000);
    const deep = await scene.cli.sync(["--full", "--deep", ...flags], HEAP_OF_SEVERAL);
    expect(deep.stderr).not.toContain("MaxListeners");
    expect(deep).toMatchObject({ code: 0, report: { totals: { inserted: 0, updated: 0, deleted: 0 } } });
  });
});
