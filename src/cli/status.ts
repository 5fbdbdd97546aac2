import type { Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE } from "./flags.js";

export function defineStatus(command: Command): Command {
  command.description("show how fresh each mirror is, what waits, and whether tracking is intact");
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync status
  $ datahub-sync status --json | jq '.tables[] | {table, ageSeconds, changesWaiting}'`,
  );
}
