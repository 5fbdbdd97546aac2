import { InvalidArgumentError, type Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface VerifyFlags extends ParsedFlags {
  sample?: number;
  dryRun?: boolean;
}

export function defineVerify(command: Command): Command {
  command
    .description("read both sides and say whether they are equal, value by value; changes neither")
    .option(
      "--sample <rows>",
      "look at so many rows of each table, chosen at random, in the place of all",
      readRows,
    )
    .option("--dry-run", "say what it would cost, and look at nothing");
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync verify --dry-run                      what it costs
  $ datahub-sync verify
  $ datahub-sync verify --sample 500 --table sow_poles
  $ datahub-sync verify --json | jq '.tables[].differences'`,
  );
}

const MOST = 100_000;

function readRows(text: string): number {
  const rows = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (rows < 1 || rows > MOST) throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST}.`);
  return rows;
}
