/**
 * The torture: `npm run torture -- --seeds 300`, `-- --seconds 120`, `-- --seed 17`.
 *
 * Each seed makes tables of random columns and keys, lets writers do random transactions to them, and runs the built
 * command line as real processes meanwhile, while the deployment refuses, conflicts, answers late or not at all, runs
 * are killed or stopped and continued, and Postgres is restarted as by a crash. Then the writers stop, one delta without
 * faults runs, and an oracle that shares no code with the sync (local/oracle/) compares every document with every row.
 *
 * The seed fixes the tables, the rows, what each writer does in which order, each run's faults and their moments. It does not
 * fix how the system schedules these processes: a seed that failed once may need several tries to fail again.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { InvalidArgumentError, Option, program } from "commander";
import { POSTGRES_VERSIONS, type PostgresVersion } from "../local/postgres/binaries.js";
import { startPostgres, type LocalPostgres } from "../local/postgres/start-postgres.js";
import { packageRoot } from "../src/package-root.js";
import { Command } from "./command.js";
import { tortureSeed } from "./torture-seed.js";
import { SCENARIOS, scenarioOf, type Scenario } from "./scenarios.js";
import { isExpectedFailure } from "./writer.js";

interface Options {
  seed: number;
  seeds?: number;
  seconds?: number;
  jobs: number;
  postgres?: PostgresVersion;
  main: string;
  scenario?: Scenario;
  faults: boolean;
}

const number = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("A number is wanted.");
  return Number(text);
};

const scenarioNamed = (text: string): Scenario => {
  const scenario = SCENARIOS.find((known) => known === text);
  if (!scenario) throw new InvalidArgumentError(`Known are ${SCENARIOS.join(", ")}.`);
  return scenario;
};

const options = program
  .name("npm run torture --")
  .description("Runs the whole program under faults, and compares each mirror with its table at the end.")
  .option("-s, --seed <number>", "the first seed", number, 1)
  .option("--seeds <count>", "how many; 1 unless --seconds is given", number)
  .option("--seconds <count>", "begins no seed after that time", number)
  .option("-j, --jobs <count>", "how many at once", number, availableParallelism())
  .addOption(
    new Option("--postgres <version>", "by default each seed's number decides")
      .choices(POSTGRES_VERSIONS.map(String))
      .argParser((text) => {
        const version = POSTGRES_VERSIONS.find((known) => String(known) === text);
        if (!version) throw new InvalidArgumentError(`Known are ${POSTGRES_VERSIONS.join(" and ")}.`);
        return version;
      }),
  )
  .option("--main <path>", "the built command line", join(packageRoot(), "dist/src/cli/main.js"))
  .option("--scenario <name>", "runs only seeds of this scenario", scenarioNamed)
  .option("--no-faults", "writers and runs alone: no faults, kills or restarts")
  .parse()
  .opts<Options>();

// postgres.js throws where nobody can catch it when a backend ends at the wrong moment.
process.on("uncaughtException", (error) => {
  if (isExpectedFailure(error)) return;
  console.error(error);
  process.exit(1);
});
process.on("exit", () => Command.killAll());

const startedAt = performance.now();
const endAt = startedAt + (options.seconds ?? Infinity) * 1000;
const end = options.seed + (options.seeds ?? (options.seconds === undefined ? 1 : Infinity));
let next = options.seed;
let done = 0;
const failed: number[] = [];

/** Runs one seed after the other, on servers of its own: a seed restarts them. */
async function runSeeds(): Promise<void> {
  const servers = new Map<PostgresVersion, LocalPostgres>();
  try {
    while (next < end && performance.now() < endAt) {
      const seed = next++;
      if (options.scenario && scenarioOf(seed) !== options.scenario) continue;
      const version = options.postgres ?? POSTGRES_VERSIONS[seed % POSTGRES_VERSIONS.length]!;
      if (!servers.has(version)) servers.set(version, await startServer(version));
      await runSeed(servers.get(version)!, seed);
    }
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop("immediate")));
  }
}

function startServer(version: PostgresVersion): Promise<LocalPostgres> {
  // A crash then loses what was committed asynchronously in the last seconds, not in the last 200 ms or MiB.
  return startPostgres({ version, settings: { wal_writer_delay: "5s", wal_writer_flush_after: "64MB" } });
}

async function runSeed(server: LocalPostgres, seed: number): Promise<void> {
  const begunAt = performance.now();
  const { failures, events, folder } = await tortureSeed({
    seed,
    server,
    main: options.main,
    withFaults: options.faults,
  });
  done++;
  const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
  const outcome = failures.length === 0 ? "ok" : "FAILED";
  console.log(`seed ${seed} on Postgres ${server.version}: ${outcome} (${seconds} s): ${events}`);
  if (failures.length === 0) return;
  failed.push(seed);
  for (const failure of failures.slice(0, 30)) console.log(`  ${failure.replaceAll("\n", "\n    ")}`);
  if (failures.length > 30) console.log(`  … and ${failures.length - 30} more`);
  const again = `npm run torture -- --seed ${seed} --postgres ${server.version}`;
  console.log(`  again: ${again}; outputs and logs: ${folder}`);
}

await Promise.all(Array.from({ length: options.jobs }, runSeeds));
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
const result = failed.length === 0 ? "0 failed" : `${failed.length} failed: ${failed.join(", ")}`;
console.log(`${done} seeds in ${minutes} minutes, ${result}`);
process.exitCode = failed.length > 0 || done === 0 ? 1 : 0;
