import type { Command } from "commander";
import { loadConfig } from "../config/load-config.js";
import { EXIT, SyncError, type ExitCode } from "../errors.js";
import type { RunMode } from "../report.js";
import type { CliIo } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { addCommonFlags, type ParsedFlags } from "./flags.js";
import { createProgress } from "./progress.js";
import { renderRunReport } from "./render/run-report.js";
import { configInput, runSession } from "./session.js";

export interface SyncFlags extends ParsedFlags {
  full?: boolean;
  deep?: boolean;
  allowDeletes?: string[];
  takeOver?: boolean;
}

export function defineSync(command: Command): Command {
  command
    .description("bring the mirror up to date: what changed since the last run, or everything with --full")
    .option("--full", "also compare all keys and content hashes, and mend what differs")
    .option("--deep", "with --full: also read the documents themselves, and mend what was edited by hand")
    .option("--allow-deletes <table...>", "let this table's mirror shrink by more than the guard allows")
    .option("--take-over", "go on with another source database than the mirror was made from");
  return addCommonFlags(
    command,
    "sync",
    "only this table, by mirror or relation; may be repeated",
  ).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync sync                                  what changed
  $ datahub-sync sync --table sow_poles --table sow_drops
  $ datahub-sync sync --full                           weekly: compare everything
  $ datahub-sync sync --full --deep                    after someone edited documents by hand
  $ datahub-sync sync --json | jq .totals`,
  );
}

export async function runSync(flags: SyncFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const mode = modeOf(flags);
  const loaded = loadConfig(configInput(io, flags, flags.allowDeletes), "both");
  const { config, allowDeletes } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, log, screen, interactive, print }) => {
    log.routine(`${mode} run to ${config.convex.deployment}`, {
      mode,
      tables: config.mirrors.map(({ mirror }) => mirror),
    });
    const progress = createProgress(log, screen, interactive);
    const takeOver = flags.takeOver === true;
    const report = await commands.sync({ ...context, config, mode, allowDeletes, takeOver, progress });
    progress.stop();
    log.record(report.ok ? "info" : "warn", "run ended", { report });
    print(report, (paint) => renderRunReport(report, paint));
    return report.exitCode;
  });
}

function modeOf({ full, deep }: SyncFlags): RunMode {
  if (deep && !full) {
    throw new SyncError({
      code: "USAGE",
      message: "--deep is given without --full.",
      remedy: "A deep run is a full run that also reads the documents: use --full --deep.",
      exitCode: EXIT.usage,
    });
  }
  return deep ? "deep" : full ? "full" : "delta";
}
