#!/usr/bin/env -S node --
import { systemClock } from "../model/clock.js";
import { processEnvironment } from "../config/environment.js";
import { EXIT } from "../model/errors.js";
import type { CliIo, OutputStream } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { guardProcess } from "./process-guard.js";
import { runCli } from "./run-cli.js";

/** Loaded when they run, each without what only another one needs. */
const COMMANDS: Commands = {
  migrate: async (options) => (await import("../commands/migrate.js")).migrate(options),
  planMigration: async (options) => (await import("../commands/plan-migration.js")).planMigration(options),
  untrack: async (options) => (await import("../commands/migrate.js")).untrack(options),
  waitFor: async (options) => (await import("../commands/wait-for.js")).waitFor(options),
  sync: async (options) => (await import("../sync/run-sync.js")).runSync(options),
  watch: async (options) => (await import("../commands/watch/watch.js")).watch(options),
  work: async (options) => (await import("../commands/queue/work.js")).work(options),
  enqueue: async (options) => (await import("../commands/queue/enqueue.js")).enqueue(options),
  dryRun: async (options) => (await import("../commands/dry-run.js")).dryRunSync(options),
  status: async (options) => (await import("../commands/read-status.js")).readStatus(options),
  listRuns: async (options) => (await import("../commands/read-runs.js")).listRuns(options),
  showRun: async (options) => (await import("../commands/read-runs.js")).showRun(options),
  page: async (options, show) => {
    const { collectPage } = await import("../commands/html-report/collect.js");
    const { renderPage } = await import("../commands/html-report/page.js");
    const data = await collectPage(options);
    return { page: await renderPage(data, show), runs: data.runs.length };
  },
  findCandidates: async (options) =>
    (await import("../commands/init/find-candidates.js")).findCandidates(options),
  planFiles: async (options) => (await import("../commands/init/plan-files.js")).planFiles(options),
  writeFiles: async (cwd, files) => (await import("../commands/init/write-files.js")).writeFiles(cwd, files),
  findStrangers: async (options) =>
    (await import("../commands/adopt/find-strangers.js")).findStrangers(options),
  schema: async (options) => (await import("../commands/schema/schema.js")).writeSchema(options),
  verify: async (options) => (await import("../commands/verify/verify.js")).verify(options),
  health: async (options) => (await import("../commands/check-health.js")).checkHealth(options),
  schedule: async (options) => (await import("../commands/schedule/schedule.js")).schedule(options),
  doctor: async (options) => (await import("../commands/doctor/examine.js")).examine(options),
  local: async (options) => {
    const { startLocal } = await (await import("./load-local.js")).loadLocal();
    const { rows, convexUrl, postgres, ...stack } = await startLocal(options);
    const server = postgres === null ? {} : { postgresPort: postgres.port, postgres: postgres.release };
    return { ...stack, description: { convexUrl, ...server, rows } };
  },
};

const { stdout, stderr } = process;

/** Output was lost to a full disk or a terminal that is gone. No reason to end a run, but one not to exit 0. */
let outputLost = false;
stdout.on("error", (error: NodeJS.ErrnoException) => noteLoss("output", error));
stderr.on("error", (error: NodeJS.ErrnoException) => noteLoss("error", error));

const environment = processEnvironment();
const guard = guardProcess({
  host: process,
  exit: (code) => process.exit(code),
  clock: systemClock,
  isAbandoned: watchLauncher(),
  // On a terminal the line may be written over the progress bar.
  say: (line) => stderr.write(`${line}${stderr.isTTY ? "\x1b[K" : ""}\n`),
});
const io: CliIo = {
  stdout,
  stderr,
  environment,
  cwd: process.cwd(),
  clock: systemClock,
  signal: guard.signal,
};
const exitCode = await runCli(process.argv.slice(2), io, COMMANDS);
guard.release();
await Promise.all([flushed(stdout), flushed(stderr)]);
// Not left to the event loop: a driver's socket that does not close would keep a finished run alive.
process.exit(outputLost && exitCode === EXIT.done ? EXIT.failed : exitCode);

/** Under npm and npx: whether our parent has become another one, as that of a process whose parent has ended does. */
function watchLauncher(): (() => boolean) | null {
  if (environment["npm_execpath"] === undefined || process.platform === "win32") return null;
  const launcher = process.ppid;
  return () => process.ppid !== launcher;
}

function noteLoss(stream: "output" | "error", { code }: NodeJS.ErrnoException): void {
  // A reader that has seen enough (`| head`) is no failure.
  if (code === "EPIPE" || outputLost) return;
  outputLost = true;
  if (stream === "output") stderr.write(`error: Standard output could not be written (${code}).\n`);
}

/** What was written to a pipe is lost when the process exits before the other end has taken it. */
function flushed(stream: OutputStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
