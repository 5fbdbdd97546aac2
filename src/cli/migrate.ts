import type { Command } from "commander";
import { addCommonFlags, type ParsedFlags } from "./flags.js";

export interface MigrateFlags extends ParsedFlags {
  dryRun?: boolean;
}

export function defineMigrate(command: Command): Command {
  command
    .description("create or update the schema datahub_sync in Postgres, and track the configured tables")
    .option("--dry-run", "print each statement, and what will mean something else afterwards; write nothing");
  return addCommonFlags(
    command,
    "all",
    "track only this table, by mirror or relation; may be repeated",
  ).addHelpText(
    "after",
    `
It needs the owner's rights on the tables. It may be run again at any time: what is there stays.

Examples:
  $ datahub-sync migrate
  $ datahub-sync migrate --dry-run > migrate.sql       to read before it is done
  $ datahub-sync migrate --table sow_poles --env-file .env.owner`,
  );
}
