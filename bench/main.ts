/**
 * What the design promises, measured: ratios within one run, because absolute numbers are the machine's. Prints tables
 * and writes nothing. RESULTS.md keeps one run.
 */
import { cpus, totalmem } from "node:os";
import postgres from "postgres";
import { systemClock } from "../src/clock.js";
import { createOtherJob } from "../src/local/data/other-job.js";
import { startLocal, type LocalStack } from "../src/local/start-local.js";
import { Cli } from "./cli.js";
import { ALLOW_ALL, deleteRows, describeDeletions } from "./deletions.js";
import { count, size, printFindings } from "./findings.js";
import { describeWaits, measureWaits } from "./healing.js";
import { describeLookUps } from "./look-up.js";
import { measureOverNetwork } from "./over-a-network.js";
import { ROUND_TRIP_MS } from "./round-trips.js";
import { describeDelta, describeRewrites, measureNaiveCopy, measureRewrites } from "./rewrite.js";
import { describeFull, describeLoads, describeMonth, type Run } from "./runs.js";
import { describeStorage } from "./storage.js";
import { describeWriters, measureWriters, SUBJECTS } from "./writers.js";

/** Rows changed between two deltas of the busy month. */
const CHANGED_ROWS = 500;
/** About 50,000 of the 59,500 rows. */
const DELETED_PERCENT = 85;

const cli = await Cli.create();

async function measureRun(stack: LocalStack, ...flags: string[]): Promise<Run> {
  stack.deployment.resetUsage();
  const { report, peakBytes } = await cli.sync(stack.environment, ...flags);
  return { report, peakBytes, usage: stack.deployment.usage() };
}

async function withStack<T>(scale: number, work: (stack: LocalStack) => Promise<T>): Promise<T> {
  const stack = await startLocal({ scale, seed: 1, port: null, clock: systemClock });
  try {
    return await work(stack);
  } finally {
    await stack.stop();
  }
}

try {
  const startedAt = performance.now();
  console.log(
    `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${size(totalmem())} of memory\n`,
  );

  const small = await withStack(0.2, async (stack) => {
    await cli.run(stack.environment, "migrate");
    return measureRun(stack);
  });

  await withStack(1, async (stack) => {
    const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
    const untracked = await measureRewrites(sql);
    await cli.run(stack.environment, "migrate");
    const load = await measureRun(stack);
    printFindings("First load", describeLoads(small, load));
    printFindings("Storage", describeStorage(stack.deployment));

    const tracked = await measureRewrites(sql);
    printFindings("The other job", describeRewrites(untracked, tracked));

    const naive = await measureNaiveCopy(sql);
    const idle = await measureRun(stack);
    const full = await measureRun(stack, "--full");
    printFindings("Runs", [...describeDelta(idle.report.totals, naive), ...describeFull(full, load)]);

    await createOtherJob(sql, { seed: 2 }).changeRows(CHANGED_ROWS);
    const busy = await measureRun(stack);
    printFindings("A month", describeMonth(idle, busy, full));

    const waits = await measureWaits(stack.databaseUrl, () =>
      cli.sync(stack.environment, "--table", "sow_poles"),
    );
    printFindings("Writers while a run mends tracking", describeWaits(waits));

    for (const subject of SUBJECTS) {
      printFindings("Writers", describeWriters(subject, await measureWriters(sql, subject)));
    }

    await deleteRows(sql, DELETED_PERCENT);
    const deletions = await measureRun(stack, ...ALLOW_ALL);
    printFindings("Deletions", describeDeletions(deletions, load));
    await sql.end();
  });

  const network = await withStack(1, (stack) => measureOverNetwork(cli, stack));
  printFindings(`Over a network, ${ROUND_TRIP_MS} ms a round trip`, network);
  printFindings("Local deployment", await describeLookUps());
  console.log(`In ${count((performance.now() - startedAt) / 1000, "s")}.`);
} finally {
  await cli.remove();
}
