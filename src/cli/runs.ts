import { InvalidArgumentError, type Command } from "commander";
import { addCommonFlags, type ParsedFlags } from "./flags.js";

export interface RunsFlags extends ParsedFlags {
  limit: number;
  /** The argument: which run. */
  id?: string;
}

export function defineRuns(command: Command): Command {
  command
    .description("list the latest runs, or show the report of one")
    .argument("[run]", "the run's name, or the beginning of it")
    .option("--limit <runs>", "how many are listed, at most 2000", readLimit, 20);
  return addCommonFlags(command, "all", null).addHelpText(
    "after",
    `
A run that could not begin, since Postgres did not answer, is in the log alone.

Examples:
  $ datahub-sync runs
  $ datahub-sync runs 5f0c2f6e
  $ datahub-sync runs --limit 100 --json | jq '.runs[] | select(.exitCode != 0)'`,
  );
}

function readLimit(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= 2000) return limit;
  throw new InvalidArgumentError("It must be a whole number from 1 to 2000.");
}
