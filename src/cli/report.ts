import { InvalidArgumentError, type Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface ReportFlags extends ParsedFlags {
  out: string;
  days: number;
}

export function defineReport(command: Command): Command {
  command
    .description("write a page of HTML with the status, the latest runs, and plots of how it has been going")
    .requiredOption("--out <file>", "the file; an older one is replaced")
    .option("--days <days>", "how far back, at most 3650; the last 2,000 runs are kept", readDays, 90);
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
The page needs nothing else and may be sent on: it holds counts and names of tables, and no value, key, or address.

Examples:
  $ datahub-sync report --out report.html
  $ datahub-sync report --out /var/www/html/mirror.html --days 7`,
  );
}

function readDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= 3650) return days;
  throw new InvalidArgumentError("It must be a whole number from 1 to 3650.");
}
