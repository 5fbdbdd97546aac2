import { InvalidArgumentError, type Command } from "commander";
import { readDuration } from "./duration.js";
import { VERBOSE } from "./flags.js";

export interface InitFlags {
  table?: string[];
  all?: boolean;
  key?: Map<string, string[]>;
  list?: boolean;
  /** Seconds. */
  watch?: number;
  yes?: boolean;
  dryRun?: boolean;
  json?: boolean;
  envFile?: string;
  verbose?: boolean;
}

export function defineInit(command: Command): Command {
  return command
    .description(
      "look at your tables, and write the configuration and the Convex tables for those that you choose",
    )
    .option("--list", "say what there is and what could be mirrored, and write nothing")
    .option("-t, --table <name...>", "mirror this relation; may be repeated")
    .option("--all", "mirror all that can be")
    .option(
      "--key <relation=columns>",
      "the columns that tell a view's rows apart: orders_view=region,no; may be repeated",
      readKey,
    )
    .option(
      "--watch <time>",
      "look at some rows twice, so long apart (5m, 4h), and propose to ignore the times that a job only touches",
      readDuration,
    )
    .option("--yes", "write without asking")
    .option("--dry-run", "show what would be written, and write nothing")
    .option("--json", "print one JSON object on standard output, and nothing else there")
    .option("--env-file <file>", "read DATABASE_URL from this file instead of .env.local and .env")
    .option(...VERBOSE)
    .addHelpText(
      "after",
      `
On a terminal it asks; elsewhere the flags say what to do. It changes nothing in Postgres and needs no Convex.

Examples:
  $ datahub-sync init                                  in the app's folder
  $ datahub-sync init --list
  $ datahub-sync init --list --watch 10m               while the jobs that write are at work
  $ datahub-sync init --table orders --table shop.customers --yes
  $ datahub-sync init --table open_orders --key open_orders=region,no --dry-run`,
    );
}

function readKey(text: string, before: Map<string, string[]> = new Map()): Map<string, string[]> {
  const at = text.indexOf("=");
  const columns = text
    .slice(at + 1)
    .split(",")
    .filter((name) => name !== "");
  if (at < 1 || columns.length === 0)
    throw new InvalidArgumentError("It must be a relation, =, and its columns: orders=region,no.");
  return new Map([...before, [text.slice(0, at), columns]]);
}
