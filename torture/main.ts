/**
 * The torture: `npm run torture -- --seeds 300`, `-- --seconds 120`, `-- --seed 17`.
 *
 * Each seed makes tables of random columns and keys, lets writers do random transactions to them, and runs the built
 * command line as real processes meanwhile, while the deployment refuses, conflicts, answers late or not at all, runs
 * are killed or stopped and continued, and Postgres is restarted as by a crash. Then the writers stop, one clean delta
 * runs, and an oracle that shares no code with the sync (oracle/) compares every document with every row.
 *
 * The seed fixes the tables, the rows, what each writer does in which order, what befalls each run and when. It does not
 * fix how the system schedules these processes: a seed that failed once may need several tries to fail again.
 */
import { parseArgs } from "node:util";
import { startPostgres, type PostgresVersion } from "../src/local/postgres/start-postgres.js";
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
    postgres: { type: "string", default: "18" },
    main: { type: "string", default: join(packageRoot(), "dist/src/cli/main.js") },
    calm: { type: "boolean", default: false },
  },
});

const first = Number(options.seed ?? 1);
const count = Number(options.seeds ?? (options.seconds === undefined ? 1 : Infinity));
const endAt = performance.now() + Number(options.seconds ?? Infinity) * 1000;
if (Number.isNaN(first) || Number.isNaN(count) || Number.isNaN(endAt)) {
  throw new Error("--seed, --seeds and --seconds take numbers.");
}

// postgres.js throws where nobody can catch it when a backend dies at the wrong moment.
process.on("uncaughtException", (error) => {
  if (isExpectedFailure(error)) return;
  console.error(error);
  process.exit(1);
});
process.on("exit", () => Command.killAll());

const server = await startPostgres({
  version: Number(options.postgres) as PostgresVersion,
  // A crash then loses what was committed asynchronously in the last seconds, not in the last 200 ms.
  settings: { wal_writer_delay: "5s" },
});
console.log(`PostgreSQL ${server.release}`);
let failed = 0;
let played = 0;
try {
  for (let seed = first; played < count && performance.now() < endAt; seed++, played++) {
    const startedAt = performance.now();
    const { failures, told, folder } = await tortureSeed({
      ...{ seed, server, main: options.main, chaos: !options.calm },
    });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`seed ${seed}: ${failures.length === 0 ? "ok" : "FAILED"} (${seconds} s): ${told}`);
    if (failures.length === 0) continue;
    failed++;
    for (const failure of failures.slice(0, 30)) console.log(`  ${failure.replaceAll("\n", "\n    ")}`);
    if (failures.length > 30) console.log(`  … and ${failures.length - 30} more`);
    console.log(`  again: npm run torture -- --seed ${seed}; outputs and logs: ${folder}`);
  }
} finally {
  await server.stop("immediate");
}
console.log(`${played} seeds, ${failed} failed`);
process.exitCode = failed > 0 || played === 0 ? 1 : 0;
