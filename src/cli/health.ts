import { InvalidArgumentError, type Command } from "commander";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface HealthFlags extends ParsedFlags {
  /** Seconds. */
  maxAge: number;
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

export function defineHealth(command: Command): Command {
  command
    .description("say in one line whether every mirror is fresh enough, for a monitor")
    .option("--max-age <time>", "how old a mirror may be: 90m, 6h, 2d", readAge, 6 * SECONDS.h);
  return addCommonFlags(command, "all", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
It exits 0 when all are, and 6 when one is older, or was never loaded. It asks Postgres alone.

Examples:
  $ datahub-sync health
  $ datahub-sync health --max-age 26h --table onemap_installations
  $ datahub-sync health > /dev/null || mail -s "the mirror is stale" me@example.com < /dev/null`,
  );
}

function readAge(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  const seconds = Number(digits ?? 0) * SECONDS[(unit ?? "s") as keyof typeof SECONDS];
  if (seconds === 0) throw new InvalidArgumentError("It must be a number and s, m, h or d: 90m, 6h, 2d.");
  return seconds;
}
