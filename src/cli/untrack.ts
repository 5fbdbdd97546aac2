import type { Command } from "commander";
import { addCommonFlags } from "./flags.js";

export function defineUntrack(command: Command): Command {
  command.description("remove the tracking triggers of a table");
  return addCommonFlags(command, "all", "the table, by mirror or relation; may be repeated").addHelpText(
    "after",
    `
The mirror in Convex stays as it is; it is no longer brought up to date.

Examples:
  $ datahub-sync untrack --table sow_poles`,
  );
}
