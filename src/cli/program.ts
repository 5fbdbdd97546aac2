import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { EXIT, type ExitCode } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { CliIo } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { defineLocal, runLocal, type LocalFlags } from "./local.js";
import { defineMigrate, runMigrate } from "./migrate.js";
import { defineStatus, runStatus } from "./status.js";
import { defineSync, runSync } from "./sync.js";
import type { ParsedFlags } from "./flags.js";
import { defineUntrack, runUntrack } from "./untrack.js";

/** The table of exit codes in `--help`; the README has the same. */
export const EXIT_CODES: Record<ExitCode, string> = {
  [EXIT.done]: "done",
  [EXIT.failed]: "failed",
  [EXIT.usage]: "usage or configuration",
  [EXIT.incomplete]:
    "done, but something is not mirrored: rows set aside, columns that wait, tracking to mend",
  [EXIT.leaseHeld]: "another run holds the lease",
  [EXIT.deletionsHeldBack]: "deletions were held back by the guard",
  [EXIT.stale]: "status: a table was never loaded, or has a problem",
};

const HELP = `
Examples:
  $ datahub-sync migrate                               once, and after each update
  $ datahub-sync sync                                  from cron
  $ datahub-sync sync --full                           from cron, weekly
  $ datahub-sync status

Exit codes:
${Object.entries(EXIT_CODES)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join("\n")}

Variables are read from the environment, .env.local and .env; .env.example explains them.`;

/** The command line. `onExit` is told the exit code of the command that ran; what it threw comes out of `parseAsync`. */
export function createProgram(io: CliIo, commands: Commands, onExit: (code: ExitCode) => void): Command {
  const program = new Command("datahub-sync")
    .description("Keeps a Convex deployment an exact mirror of Postgres tables, at the cost of what changed.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpCommand(false)
    .addHelpText("after", HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Usage errors are shown where all errors are.
      outputError: () => {},
    });
  const add = <Flags>(
    name: string,
    define: (command: Command) => Command,
    run: (flags: Flags, io: CliIo, commands: Commands) => Promise<ExitCode>,
  ) => define(program.command(name)).action(async (flags: Flags) => onExit(await run(flags, io, commands)));

  add<ParsedFlags>("migrate", defineMigrate, runMigrate);
  add<ParsedFlags>("untrack", defineUntrack, runUntrack);
  add<ParsedFlags>("sync", defineSync, runSync);
  add<ParsedFlags>("status", defineStatus, runStatus);
  add<LocalFlags>("local", defineLocal, runLocal);
  return program;
}

function readVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
