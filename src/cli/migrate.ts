import type { Command } from "commander";
import { addCommonFlags } from "./flags.js";

export function defineMigrate(command: Command): Command {
  command.description(
    "create or update the schema datahub_sync in Postgres, and track the configured tables",
  );
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
  $ datahub-sync migrate --table sow_poles --env-file .env.owner`,
  );
}
