import type { Command } from "commander";
import { readDuration } from "./duration.js";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface StatusFlags extends ParsedFlags {
  /** Seconds; true: as often as is usual. */
  watch?: number | true;
}

export function defineStatus(command: Command): Command {
  command
    .description(
      "show how fresh each mirror is, what waits, how runs have been going, and whether tracking is intact",
    )
    .option(
      "--watch [time]",
      "show it again and again, every 10s or as often as said, until Ctrl-C",
      readDuration,
    );
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
--watch asks both sides each time, which keeps a database awake that would go to sleep.

Examples:
  $ datahub-sync status
  $ datahub-sync status --watch 2s                     beside a first load
  $ datahub-sync status --json | jq '.tables[] | {table, ageSeconds, changesWaiting}'`,
  );
}
