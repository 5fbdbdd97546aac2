/**
 * The soak: `npm run soak -- --minutes 30`. `sync --watch` beside the other job, which rewrites its tables whole, and writers that never pause, while
 * Postgres is restarted as by a crash, the deployment goes away and comes back, and its calls fail at random. In the end the writers stop,
 * and the watch brings the rest by itself; an oracle that shares no code with the sync compares every document with every row.
 * The watch's memory is looked at all the time.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, program } from "commander";
import postgres from "postgres";
import * as datahubSync from "../convex/datahubSync.js";
import schema from "../convex/schema.js";
import { LocalDeployment } from "../local/convex/deployment.js";
import { randomFaults } from "../local/convex/faults.js";
import { serveLocalDeployment } from "../local/convex/serve.js";
import { createSourceTables, fillSourceTables } from "../local/data/fill-source.js";
import { createOtherJob } from "../local/data/other-job.js";
import { randomForRow } from "../local/data/random.js";
import { SOURCE_TABLES } from "../local/data/source-tables.js";
import { compareTable } from "../local/oracle/compare-table.js";
import { describeTable } from "../local/oracle/describe-table.js";
import { withPinned } from "../local/oracle/mirrored-table.js";
import { startPostgres } from "../local/postgres/start-postgres.js";
import { packageRoot } from "../src/package-root.js";
import { Command } from "./command.js";
import { isExpectedFailure } from "./writer.js";

const { minutes, scale, seed } = program
  .name("npm run soak --")
  .option("--minutes <count>", "how long writers write", readCount, 30)
  .option("--scale <number>", "how many rows: 1 is 60,000", Number, 0.1)
  .option("--seed <number>", "what is drawn from", readCount, 1)
  .parse()
  .opts<{ minutes: number; scale: number; seed: number }>();

const SYNC_KEY = "a key for the soak, which is long enough";
const NAMES = SOURCE_TABLES.map(({ name }) => name);
const QUIETLY = { max: 1, onnotice: () => {} };

process.on("uncaughtException", (error) => {
  if (isExpectedFailure(error)) return;
  console.error(error);
  process.exit(1);
});
process.on("exit", () => Command.killAll());

const folder = await mkdtemp(join(tmpdir(), "datahub-sync-soak-"));
const server = await startPostgres();
const setUp = postgres(server.url(), QUIETLY);
await createSourceTables(setUp);
await fillSourceTables(setUp, { seed, scale });
await setUp.end();
const odds = {
  conflict: 0.01,
  overloaded: 0.01,
  cutBeforeCall: 0.005,
  cutAfterCommit: 0.005,
  cutMidAnswer: 0.005,
};
const deployment = LocalDeployment.create({
  ...{ schema, modules: { datahubSync }, env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY }, seed },
  faults: randomFaults(seed, { ...odds, failedAfterCommit: 0.005, delay: 0.1, maxDelayMs: 200 }),
});
let served = await serveLocalDeployment(deployment);
const { port } = served;
const environment = { DATABASE_URL: server.url(), CONVEX_URL: served.url, CONVEX_SYNC_AUTH_KEY: SYNC_KEY };
let commands = 0;
const run = (...args: string[]) =>
  new Command({ main: join(packageRoot(), "dist/src/cli/main.js"), folder, environment }, ++commands, args);

const startedAt = performance.now();
const elapsed = () => (performance.now() - startedAt) / 60_000;
const say = (text: string) => console.log(`${elapsed().toFixed(1).padStart(5)} min  ${text}`);
const stop = new AbortController();
const random = randomForRow(seed, 0, 0);
const counts = { statements: 0, lost: 0, rewrites: 0, restarts: 0, absences: 0 };
const memory: { at: number; bytes: number }[] = [];

await run("migrate").ended;
const watch = run(
  "sync",
  "--watch",
  "--min-interval",
  "1s",
  "--idle-pause",
  "1s",
  "--round-every",
  "5m",
  "--full-every",
  "10m",
);
await Promise.all([
  again(50, write),
  again(60_000, rewrite),
  again(10_000, measureMemory),
  again(90_000, misfortune),
  sleep(minutes * 60_000).then(() => stop.abort()),
]);
say("the writers have stopped");

const behind = postgres(server.url(), QUIETLY);
let waiting = -1;
for (const giveUpAt = elapsed() + 10; waiting !== 0 && elapsed() < giveUpAt;) {
  await sleep(1_000);
  const status = await run("status", "--json").ended;
  const report = JSON.parse(status.stdout || "{}") as {
    tables?: { changesWaiting: number | null }[];
    running?: unknown[];
  };
  waiting =
    report.tables?.reduce((sum, table) => sum + (table.changesWaiting ?? 1), report.running?.length ?? 1) ??
    -1;
}
watch.signal("SIGTERM");
const ended = await watch.ended;
let unequal = 0;
for (const name of NAMES) {
  const { rows, values, differences, missing } = await withPinned(behind, async (one) =>
    compareTable(one, await describeTable(one, { relation: name, without: ["sync_timestamp"] }), deployment),
  );
  unequal += differences.length + missing.length;
  say(`${name}: ${rows} rows, ${values} values, ${differences.length + missing.length} differences`);
}
await behind.end();
await Promise.all([served.close(), server.stop("immediate")]);
await rm(folder, { recursive: true });

const quarter = (n: number) => {
  const from = (memory.length * n) / 4;
  const part = memory.slice(Math.floor(from), Math.floor(from + memory.length / 4)).map(({ bytes }) => bytes);
  return part.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, part.length) / 2 ** 20;
};
const quarters = [0, 1, 2, 3].map((n) => `${quarter(n).toFixed(0)} MiB`);
say(`memory of the watch, mean of each quarter: ${quarters.join(", ")}; peak ${peak().toFixed(0)} MiB`);
say(
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", "),
);
const isEqual = unequal === 0 && waiting === 0 && ended.exitCode === 0;
say(
  isEqual
    ? "equal"
    : `NOT equal: ${unequal} differences, ${waiting} changes wait, the watch ended with ${ended.exitCode}`,
);
process.exitCode = isEqual ? 0 : 1;

/** Does it, with a pause after each time, until the end. What a restart takes away is tried no more. */
async function again(pauseMs: number, work: () => Promise<void>): Promise<void> {
  while (!stop.signal.aborted) {
    await work().catch((error: unknown) => {
      counts.lost += 1;
      if (!isExpectedFailure(error)) say(`lost: ${String(error)}`);
    });
    await sleep(pauseMs * (random.integer(50, 150) / 100), undefined, { signal: stop.signal }).catch(
      () => {},
    );
  }
}

async function withSql<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(server.url(), QUIETLY);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/** One statement to one table. */
async function write(): Promise<void> {
  const table = random.pick(NAMES);
  await withSql(async (sql) => {
    const kind = random.integer(0, 9);
    // More rows come than go: a table that shrinks would have its deletions held back.
    const count = kind === 0 ? 1 : random.integer(1, 5);
    const some = sql`id IN (SELECT id FROM ${sql(table)} ORDER BY md5(id::text || ${random.uuid()}) LIMIT ${count})`;
    const value = `soak ${counts.statements}`;
    if (kind === 0) await sql`DELETE FROM ${sql(table)} WHERE ${some}`;
    else if (kind <= 2)
      await sql`INSERT INTO ${sql(table)} (source_file, raw_data) VALUES (${value}, ${sql.json({ value })})`;
    else await sql`UPDATE ${sql(table)} SET source_file = ${value} WHERE ${some}`;
  });
  counts.statements += 1;
}

/** What the other job does every four hours, more often. */
async function rewrite(): Promise<void> {
  await withSql((sql) => createOtherJob(sql, { seed: counts.rewrites }).rewriteAllRows());
  counts.rewrites += 1;
}

async function misfortune(): Promise<void> {
  if (elapsed() < 0.5) return;
  if (random.chance(0.5)) {
    say("Postgres is restarted, as by a crash");
    await server.restart("immediate");
    counts.restarts += 1;
    return;
  }
  say("the deployment goes away for 15 seconds");
  await served.close();
  await sleep(15_000);
  served = await serveLocalDeployment(deployment, { port });
  counts.absences += 1;
}

async function measureMemory(): Promise<void> {
  const status = await readFile(`/proc/${watch.pid}/status`, "utf8");
  const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(status) ?? [];
  if (kilobytes === undefined) throw new Error(`The watch is not there any more.`);
  memory.push({ at: elapsed(), bytes: Number(kilobytes) * 1024 });
  if (memory.length % 12 === 0)
    say(`memory ${(memory.at(-1)!.bytes / 2 ** 20).toFixed(0)} MiB, ${counts.statements} statements`);
}

function peak(): number {
  return Math.max(0, ...memory.map(({ bytes }) => bytes)) / 2 ** 20;
}

function readCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("A number is wanted.");
  return Number(text);
}
