import type { Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface AdoptFlags extends ParsedFlags {
  remove?: boolean;
  yes?: boolean;
  dryRun?: boolean;
}

export function defineAdopt(command: Command): Command {
  command
    .description("take over documents that were in the tables before, by key, so that they keep their _id")
    .option("--remove", "remove the documents that belong to no row")
    .option("--yes", "do it without asking")
    .option("--dry-run", "count them, and change nothing");
  return addCommonFlags(command, "sync", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
It counts first, asks, and then runs: what is equal to its row is left as it is, what differs is brought up to date.

Examples:
  $ datahub-sync adopt --dry-run
  $ datahub-sync adopt --table customers
  $ datahub-sync adopt --table customers --remove --yes`,
  );
}
