import postgres from "postgres";
import type { LocalStack } from "../local/start-local.js";
import type { Cli } from "./cli.js";
import { ALLOW_ALL, deleteRows, describeDeletions } from "./deletions.js";
import { describeWaits, measureWaits } from "./healing.js";
import type { Extent } from "./options.js";
import type { Results } from "./results.js";
import { describeRewrites, measureRewrites } from "./rewrite.js";
import { describeFull, describeLoads, measureRun, type Run } from "./runs.js";
import { describeStorage } from "./storage.js";
import { describeWriters, measureWriters, SUBJECTS } from "./writers.js";

/** About 50,000 of 59,500 rows. */
const DELETED_PERCENT = 85;

/** What datahub-sync costs, by itself: its runs, and those who write to the source. */
export async function measureOurselves(
  cli: Cli,
  stack: LocalStack,
  { small, extent, results }: { small: Run; extent: Extent; results: Results },
): Promise<void> {
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const untracked = await measureRewrites(sql);
    await cli.run(stack.environment, "migrate");
    const load = await measureRun(cli, stack);
    results.addFindings("first-load", "First load", describeLoads(small, load));
    results.addFindings("storage", "Storage", describeStorage(stack.deployment));

    const tracked = await measureRewrites(sql);
    results.addFindings("other-job", "The other job", describeRewrites(untracked, tracked));
    await measureRun(cli, stack);
    const full = await measureRun(cli, stack, "--full");
    results.addFindings("full", "Full run, nothing changed", describeFull(full, load));

    const waits = await measureWaits(stack.databaseUrl, extent.rounds, () =>
      cli.sync(stack.environment, "--table", "sow_poles"),
    );
    results.addFindings("healing", "Writers while a run mends tracking", describeWaits(waits));
    for (const subject of SUBJECTS) {
      results.addTable(describeWriters(subject, await measureWriters(sql, subject, extent.rounds)));
    }

    await deleteRows(sql, DELETED_PERCENT);
    const deletions = await measureRun(cli, stack, ...ALLOW_ALL);
    results.addFindings("deletions", "Deletions", describeDeletions(deletions, load));
  } finally {
    await sql.end();
  }
}
