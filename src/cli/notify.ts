import type { Command } from "commander";
import { VERBOSE } from "./flags.js";

export interface NotifyFlags {
  test?: boolean;
  failure?: boolean;
  json?: boolean;
  envFile?: string;
  verbose?: boolean;
}

export function defineNotify(command: Command): Command {
  return command
    .description("try who hears of runs: the pings of a monitor and the webhook")
    .option(
      "--test",
      "send what a run that succeeds would send: start and success, and a report to the webhook",
    )
    .option("--failure", "send what a run that needs somebody would send, to hear the alarm")
    .option("--json", "print one JSON object on standard output, and nothing else there")
    .option("--env-file <file>", "read variables from this file instead of .env.local and .env")
    .option(...VERBOSE)
    .addHelpText(
      "after",
      `
Runs tell these by themselves, and no run fails because one of them does not listen:
  DATAHUB_SYNC_PING_URL       when a run succeeds; with /start behind it when it begins, with /fail when it needs somebody
  DATAHUB_SYNC_WEBHOOK_URL    the report as JSON, when something is wrong and when all is well again

Examples:
  $ datahub-sync notify --test
  $ datahub-sync notify --test --failure               then once more without, to call the alarm off`,
    );
}
