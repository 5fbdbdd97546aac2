#!/usr/bin/env -S node --
import { systemClock } from "../clock.js";
import { processEnvironment } from "../config/environment.js";
import type { CliIo, OutputStream } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { guardProcess } from "./process-guard.js";
import { runCli } from "./run-cli.js";

/** Loaded when they run: `--help` needs neither the database's driver nor the local deployment. */
const COMMANDS: Commands = {
  migrate: async (options) => (await import("../sync/migrate.js")).migrate(options),
  untrack: async (options) => (await import("../sync/migrate.js")).untrack(options),
  sync: async (options) => (await import("../sync/run-sync.js")).runSync(options),
  status: async (options) => (await import("../sync/read-status.js")).readStatus(options),
  local: async (options) => {
    const { startLocal } = await import("../local/start-local.js");
    const { rows, convexUrl, postgres, ...stack } = await startLocal(options);
    return {
      ...stack,
      description: { convexUrl, postgresPort: postgres.port, postgres: postgres.release, rows },
    };
  },
};

const { stdout, stderr } = process;

// A reader that has seen enough (`| head`) is no failure.
for (const stream of [stdout, stderr]) stream.on("error", ignoreBrokenPipe);

const guard = guardProcess({
  host: process,
  exit: (code) => process.exit(code),
  clock: systemClock,
  // On a terminal the line may be written over the progress bar.
  say: (line) => stderr.write(`${line}${stderr.isTTY ? "\x1b[K" : ""}\n`),
});
const io: CliIo = {
  stdout,
  stderr,
  environment: processEnvironment(),
  cwd: process.cwd(),
  clock: systemClock,
  signal: guard.signal,
};
const exitCode = await runCli(process.argv.slice(2), io, COMMANDS);
guard.release();
await Promise.all([flushed(stdout), flushed(stderr)]);
// Not left to the event loop: a driver's socket that does not close would keep a finished run alive.
process.exit(exitCode);

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** What was written to a pipe is lost when the process exits before the other end has taken it. */
function flushed(stream: OutputStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
