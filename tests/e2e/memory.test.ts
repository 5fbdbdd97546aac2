import { describe, expect, it } from "vitest";
import { localStack } from "./local-stack.js";
import { setUpScene, tableOf } from "./scene.js";

const TABLE = "onemap_poles";
/** Little under way at once: what is left to grow is what must not. */
const FRUGAL = ["--table", TABLE, "--max-in-flight", "1", "--page-rows", "50"];
const ADDED_ROWS = 1_750;
/** As much as the added rows hold as text, the program itself included: who kept the table would run out of it. */
const HEAP = { NODE_OPTIONS: "--max-old-space-size=64" };

describe("invariant 10: memory is bounded whatever the size of a table", () => {
  const scene = setUpScene(localStack, {
    scale: 0.01,
    prepare: async ({ cli, stack }) => {
      expect(await cli.run(["migrate"])).toMatchObject({ code: 0 });
      // 36 KB a row that do not compress, 63 MB in all.
      await stack.sql`
        INSERT INTO ${stack.sql(TABLE)} (raw_data)
        SELECT (SELECT jsonb_object_agg('k' || part, row || ':' || md5(row::text || part) || md5(part::text || row))
                  FROM generate_series(1, 450) AS part)
          FROM generate_series(1, ${ADDED_ROWS}::int) AS row`;
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
});
