import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { ExitCode } from "../model/errors.js";
import { EXIT_CODE_ROWS } from "../model/exit-codes.js";
import { packageRoot } from "../package-root.js";
import { defineAdopt, type AdoptFlags } from "./adopt.js";
import type { CliIo } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { defineCron, type CronFlags } from "./cron.js";
import { defineDoctor } from "./doctor.js";
import { defineEnqueue, type EnqueueFlags } from "./enqueue.js";
import { defineHealth, type HealthFlags } from "./health.js";
import { defineInit, type InitFlags } from "./init.js";
import { defineLocal, type LocalFlags } from "./local.js";
import { defineMigrate, type MigrateFlags } from "./migrate.js";
import { defineNotify, type NotifyFlags } from "./notify.js";
import { defineReport, type ReportFlags } from "./report.js";
import { defineRuns, type RunsFlags } from "./runs.js";
import { defineSchemaCommand, type SchemaFlags } from "./schema.js";
import { defineStatus, type StatusFlags } from "./status.js";
import { defineSync, type SyncFlags } from "./sync.js";
import type { ParsedFlags } from "./flags.js";
import { defineUntrack } from "./untrack.js";
import { defineVerify, type VerifyFlags } from "./verify.js";
import { defineWorker, type WorkerFlags } from "./worker.js";

const HELP = `
Examples:
  $ datahub-sync init                                  with tables of your own
  $ datahub-sync doctor                                what is missing, and what to do
  $ datahub-sync migrate                               once, and after each update
  $ datahub-sync sync                                  from cron
  $ datahub-sync sync --full                           from cron, weekly
  $ datahub-sync status

Exit codes:
${EXIT_CODE_ROWS.map(([code, { meaning }]) => `  ${code}  ${meaning}`).join("\n")}

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
    loadRun: () => Promise<(flags: Flags, io: CliIo, commands: Commands) => Promise<ExitCode>>,
  ) =>
    define(program.command(name)).action(async (...given: unknown[]) => {
      // Commander hands over the arguments, then the flags, then the command.
      const [id] = given.slice(0, -2);
      const flags = given.at(-2) as Flags;
      const run = await loadRun();
      onExit(await run(id === undefined ? flags : { ...flags, id }, io, commands));
    });

  // What runs is loaded when it runs: `--help` needs no log, no configuration and no driver.
  add<InitFlags>("init", defineInit, async () => (await import("./run/init.js")).runInit);
  add<MigrateFlags>("migrate", defineMigrate, async () => (await import("./run/migrate.js")).runMigrate);
  add<ParsedFlags>("untrack", defineUntrack, async () => (await import("./run/untrack.js")).runUntrack);
  add<SyncFlags>("sync", defineSync, async () => (await import("./run/sync.js")).runSync);
  add<WorkerFlags>("worker", defineWorker, async () => (await import("./run/worker.js")).runWorker);
  add<EnqueueFlags>("enqueue", defineEnqueue, async () => (await import("./run/enqueue.js")).runEnqueue);
  add<RunsFlags>("runs", defineRuns, async () => (await import("./run/runs.js")).runRuns);
  add<ReportFlags>("report", defineReport, async () => (await import("./run/report.js")).runReport);
  add<StatusFlags>("status", defineStatus, async () => (await import("./run/status.js")).runStatus);
  add<AdoptFlags>("adopt", defineAdopt, async () => (await import("./run/adopt.js")).runAdopt);
  add<SchemaFlags>("schema", defineSchemaCommand, async () => (await import("./run/schema.js")).runSchema);
  add<VerifyFlags>("verify", defineVerify, async () => (await import("./run/verify.js")).runVerify);
  add<HealthFlags>("health", defineHealth, async () => (await import("./run/health.js")).runHealth);
  add<CronFlags>("cron", defineCron, async () => (await import("./run/cron.js")).runCron);
  add<NotifyFlags>("notify", defineNotify, async () => (await import("./run/notify.js")).runNotify);
  add<ParsedFlags>("doctor", defineDoctor, async () => (await import("./run/doctor.js")).runDoctor);
  add<LocalFlags>("local", defineLocal, async () => (await import("./run/local.js")).runLocal);
  return program;
}

function readVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
