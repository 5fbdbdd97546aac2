import type { LocalStack } from "../local/start-local.js";
import type { Cli } from "./cli.js";
import type { Extent } from "./options.js";
import { describeSummary, measureCases } from "./peers/cases.js";
import { RUNS_A_WEEK } from "./peers/free-plan.js";
import { describeGrowth, measureGrowth, type Growth } from "./peers/growth.js";
import { describeKeyRanges, type RangeInputs } from "./peers/key-ranges.js";
import { computeMonths, describeMonths } from "./peers/month.js";
import type { Programs } from "./peers/programs.js";
import { openStage } from "./peers/stage.js";
import type { Results } from "./results.js";
import { storedByPeer, storedByUs } from "./storage.js";

/** datahub-sync against what people do instead, on the first user's tables. */
export async function measureAgainstPeers(
  cli: Cli,
  stack: LocalStack,
  programs: Programs,
  results: Results,
): Promise<void> {
  const stage = await openStage(cli, stack, programs);
  try {
    const rows = Object.values(stack.rows).reduce((sum, ofTable) => sum + ofTable, 0);
    const cases = await measureCases(stage, rows, results);
    results.addTable(describeSummary(cases));
    const stored = {
      ours: storedByUs(stage.ours.deployment),
      cursor: storedByPeer(stage.cursor.deployment),
      everything: storedByPeer(stage.everything.deployment),
    };
    results.addTable(describeMonths(computeMonths(cases, stored)));
  } finally {
    await stage.close();
  }
}

/** How each figure grows with the rows of a narrow table, and what another way to compare would come to. */
export async function measureNarrow(extent: Extent, programs: Programs, results: Results): Promise<void> {
  const [few, many] = extent.narrowRows;
  const small = await measureGrowth(few, programs);
  const large = await measureGrowth(many, programs);
  const title = `A narrow table of ${many.toLocaleString("en")} rows, against ${few.toLocaleString("en")}`;
  results.addFindings("growth", title, describeGrowth(small, large));
  results.addTable(
    describeKeyRanges(
      [small, large].flatMap((growth) =>
        [10, 100, 1_000].map((rowsOfRange) => rangeInputs(growth, rowsOfRange)),
      ),
    ),
  );
}

function rangeInputs({ rows, ours }: Growth, rowsOfRange: number): RangeInputs {
  return {
    rows,
    rowsOfRange,
    fullReads: ours.full.convexRead,
    changed: rows / 100,
    deltasBetweenFulls: RUNS_A_WEEK,
    // A small document of ours, with the two keys of its index: as those of the ledger are metered.
    digestRead: 150,
    digestWritten: 300,
  };
}
