import postgres from "postgres";
import { createOtherJob } from "../local/data/other-job.js";
import type { LocalStack } from "../local/start-local.js";
import type { Cli } from "./cli.js";
import { seconds, type Finding } from "./findings.js";
import { startManyMirrors } from "./many-mirrors.js";
import { describeJourney, Distance, type Target } from "./round-trips.js";

const MANY = 300;
const target = (postgresTurns: number, convexTurns: number, durationMs: number): Target => ({
  postgresTurns,
  convexTurns,
  durationMs,
});

/** Commands of seven mirrors, and of 300, with both sides 40 ms away. */
export async function measureOverNetwork(cli: Cli, stack: LocalStack): Promise<Finding[]> {
  const rows = Object.values(stack.rows).reduce((sum, ofTable) => sum + ofTable, 0);
  const findings: Finding[] = [];
  const far = await Distance.open(stack.environment);
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await cli.run(far.environment, "migrate");
    await cli.run(far.environment, "sync");
    // What the first load has left of the log is purged by the run after it.
    await cli.run(far.environment, "sync");
    const add = async (what: string, limits: Target, ...args: string[]) => {
      findings.push(...describeJourney(await far.travel(what, cli, ...args), limits));
    };
    await add("idle delta, 7 mirrors", target(16, 3, 1_500), "sync");
    await createOtherJob(sql, { seed: 3 }).changeRows(Math.round(rows / 100));
    await add("delta of 1 %, 7 mirrors", target(60, 20, 4_000), "sync");
    await add("full run, nothing changed", target(Infinity, Infinity, 6_000), "sync", "--full");
    await add("status", target(10, 1, 1_200), "status");
  } finally {
    await sql.end();
    await far.close();
  }
  findings.push(...(await measureMany()), await measureHelp(cli));
  return findings;
}

async function measureMany(): Promise<Finding[]> {
  const many = await startManyMirrors(MANY);
  const far = await Distance.open(many.environment);
  try {
    await many.cli.run(far.environment, "migrate");
    await many.cli.run(far.environment, "sync");
    await many.cli.run(far.environment, "sync");
    const journey = await far.travel(`idle delta, ${MANY} mirrors`, many.cli, "sync");
    return describeJourney(journey, target(16, 3, 4_000));
  } finally {
    await far.close();
    await many.stop();
  }
}

/** The best of some: what a process costs to start varies more than what it does. */
async function measureHelp(cli: Cli): Promise<Finding> {
  const best = async (run: () => Promise<{ durationMs: number }>) => {
    let bestMs = Infinity;
    for (let round = 0; round < 5; round++) bestMs = Math.min(bestMs, (await run()).durationMs);
    return bestMs;
  };
  const help = await best(() => cli.run({}, "--help"));
  const bare = await best(() => cli.runBare());
  return {
    what: "--help: time above that of bare Node, against the target",
    measured: seconds(help - bare),
    against: seconds(100),
    ratio: `${((help - bare) / 100).toFixed(1)} ×`,
  };
}
