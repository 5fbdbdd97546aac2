import type { Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface SyncFlags extends ParsedFlags {
  full?: boolean;
  deep?: boolean;
  allowDeletes?: string[];
  takeOver?: boolean;
  dryRun?: boolean;
}

export function defineSync(command: Command): Command {
  command
    .description("bring the mirror up to date: what changed since the last run, or everything with --full")
    .option("--full", "also compare all keys and content hashes, and mend what differs")
    .option(
      "--deep",
      "a full run that also reads the documents themselves, and mends what was edited by hand",
    )
    .option("--allow-deletes <table...>", "let this table's mirror shrink by more than the guard allows")
    .option("--take-over", "go on with another source database than the mirror was made from")
    .option("--dry-run", "say what this run would do and cost, and write nothing on either side");
  return addCommonFlags(command, "sync", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync sync                                  what changed
  $ datahub-sync sync --table sow_poles --table sow_drops
  $ datahub-sync sync --full                           weekly: compare everything
  $ datahub-sync sync --deep                           after someone edited documents by hand
  $ datahub-sync sync --full --dry-run                 what the weekly run would find, and cost
  $ datahub-sync sync --json | jq .totals`,
  );
}
