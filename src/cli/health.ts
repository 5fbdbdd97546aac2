import type { Command } from "commander";
import { HOUR_SECONDS, readDuration } from "./duration.js";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface HealthFlags extends ParsedFlags {
  /** Seconds. */
  maxAge: number;
}

export function defineHealth(command: Command): Command {
  command
    .description("say in one line whether every mirror is fresh enough, for a monitor")
    .option("--max-age <time>", "how old a mirror may be: 90m, 6h, 2d", readDuration, 6 * HOUR_SECONDS);
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
