import type { Command } from "commander";
import { addCommonFlags } from "./flags.js";

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
