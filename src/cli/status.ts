import type { Command } from "commander";
import { loadConfig } from "../config/load-config.js";
import type { ExitCode } from "../errors.js";
import type { CliIo } from "./cli-io.js";
import type { Commands } from "./commands.js";
import { addCommonFlags, type ParsedFlags } from "./flags.js";
import { renderStatusReport } from "./render/status-report.js";
import { configInput, runSession } from "./session.js";

export function defineStatus(command: Command): Command {
  command.description("show how fresh each mirror is, what waits, and whether tracking is intact");
  return addCommonFlags(
    command,
    "all",
    "only this table, by mirror or relation; may be repeated",
  ).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync status
  $ datahub-sync status --json | jq '.tables[] | {table, ageSeconds, changesWaiting}'`,
  );
}

export async function runStatus(flags: ParsedFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = loadConfig(configInput(io, flags), "both");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, print }) => {
    const report = await commands.status({ ...context, config });
    print(report, (paint) => renderStatusReport(report, io.clock.now(), paint));
    return report.exitCode;
  });
}
