import type { Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE } from "./flags.js";

export function defineDoctor(command: Command): Command {
  command.description("look at everything that a run needs, and say what to mend; changes nothing");
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync doctor                                before the first run, and when something is wrong
  $ datahub-sync doctor --json | jq '.checks[] | select(.outcome == "problem")'`,
  );
}
