/**
 * The torture: `npm run torture -- --seeds 300`, `-- --seconds 120`, `-- --seed 17`; `--jobs` of them at once, one for each
 * core by default.
 *
 * Each seed makes tables of random columns and keys, lets writers do random transactions to them, and runs the built
 * command line as real processes meanwhile, while the deployment refuses, conflicts, answers late or not at all, runs
 * are killed or stopped and continued, and Postgres is restarted as by a crash. Then the writers stop, one clean delta
 * runs, and an oracle that shares no code with the sync (oracle/) compares every document with every row.
 *
 * The seed fixes the tables, the rows, what each writer does in which order, what befalls each run and when. It does not
 * fix how the system schedules these processes: a seed that failed once may need several tries to fail again.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import {
  startPostgres,
  type LocalPostgres,
  type PostgresVersion,
} from "../src/local/postgres/start-postgres.js";
import { packageRoot } from "../src/package-root.js";
import { join } from "node:path";
import { Command } from "./command.js";
import { tortureSeed } from "./torture-seed.js";
import { isExpectedFailure } from "./writer.js";

const { values: options } = parseArgs({
  options: {
    seed: { type: "string", short: "s" },
    seeds: { type: "string" },
    seconds: { type: "string" },
    jobs: { type: "string", short: "j" },
    postgres: { type: "string", default: "18" },
    main: { type: "string", default: join(packageRoot(), "dist/src/cli/main.js") },
    calm: { type: "boolean", default: false },
  },
});

const first = Number(options.seed ?? 1);
const count = Number(options.seeds ?? (options.seconds === undefined ? 1 : Infinity));
const endAt = performance.now() + Number(options.seconds ?? Infinity) * 1000;
const jobs = Math.min(Number(options.jobs ?? availableParallelism()), count);
if ([first, count, endAt, jobs].some(Number.isNaN) || jobs < 1) {
  throw new Error("--seed, --seeds, --seconds and --jobs take numbers.");
}

// postgres.js throws where nobody can catch it when a backend dies at the wrong moment.
process.on("uncaughtException", (error) => {
  if (isExpectedFailure(error)) return;
  console.error(error);
  process.exit(1);
});
process.on("exit", () => Command.killAll());

let next = first;
let played = 0;
const failed: number[] = [];

async function playSeeds(): Promise<void> {
  // A server for each: a seed restarts its own.
  const server = await startPostgres({
    version: Number(options.postgres) as PostgresVersion,
    // A crash then loses what was committed asynchronously in the last seconds, not in the last 200 ms.
    settings: { wal_writer_delay: "5s" },
  });
  try {
    while (next < first + count && performance.now() < endAt) await playSeed(server, next++);
  } finally {
    await server.stop("immediate");
  }
}

async function playSeed(server: LocalPostgres, seed: number): Promise<void> {
  const startedAt = performance.now();
  const { failures, told, folder } = await tortureSeed({
    ...{ seed, server, main: options.main, chaos: !options.calm },
  });
  played++;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`seed ${seed}: ${failures.length === 0 ? "ok" : "FAILED"} (${seconds} s): ${told}`);
  if (failures.length === 0) return;
  failed.push(seed);
  for (const failure of failures.slice(0, 30)) console.log(`  ${failure.replaceAll("\n", "\n    ")}`);
  if (failures.length > 30) console.log(`  … and ${failures.length - 30} more`);
  console.log(
    `  again: npm run torture -- --seed ${seed} --postgres ${options.postgres}; outputs and logs: ${folder}`,
  );
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: jobs }, playSeeds));
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
const sentence = failed.length === 0 ? "0 failed" : `${failed.length} failed: ${failed.join(", ")}`;
console.log(`${played} seeds on Postgres ${options.postgres} in ${minutes} minutes, ${sentence}`);
process.exitCode = failed.length > 0 || played === 0 ? 1 : 0;
