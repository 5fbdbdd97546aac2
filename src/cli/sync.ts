import { Option, type Command } from "commander";
import { readDuration, readDurationOrZero } from "./duration.js";
import { addCommonFlags, ONLY_THIS_TABLE, type ParsedFlags } from "./flags.js";

export interface SyncFlags extends ParsedFlags {
  full?: boolean;
  deep?: boolean;
  allowDeletes?: string[];
  takeOver?: boolean;
  dryRun?: boolean;
  watch?: boolean;
  /** Seconds, all of them. */
  minInterval: number;
  idlePause: number;
  roundEvery: number;
  fullEvery: number;
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
    .option("--dry-run", "say what this run would do and cost, and write nothing on either side")
    .addOption(
      new Option("--watch", "go on until Ctrl-C, and mirror what commits within moments").conflicts([
        ...["full", "deep", "dryRun", "takeOver", "allowDeletes"],
      ]),
    )
    .addOption(
      watchOption("--min-interval <time>", "between two runs, at least", readDurationOrZero, 5, "5s"),
    )
    .addOption(
      watchOption("--idle-pause <time>", "between two looks while nothing happens", readDuration, 2, "2s"),
    )
    .addOption(
      watchOption("--round-every <time>", "between two runs of all tables", readDuration, 14_400, "4h"),
    )
    .addOption(
      watchOption(
        "--full-every <time>",
        "between two comparisons of everything",
        readDuration,
        604_800,
        "7d",
      ),
    );
  return addCommonFlags(command, "sync", ONLY_THIS_TABLE).addHelpText(
    "after",
    `
Examples:
  $ datahub-sync sync                                  what changed
  $ datahub-sync sync --table sow_poles --table sow_drops
  $ datahub-sync sync --full                           weekly: compare everything
  $ datahub-sync sync --deep                           after someone edited documents by hand
  $ datahub-sync sync --full --dry-run                 what the weekly run would find, and cost
  $ datahub-sync sync --watch --min-interval 1s        live, in the place of cron: docs/watch.md says what it costs
  $ datahub-sync sync --json | jq .totals`,
  );
}

function watchOption(
  flags: string,
  help: string,
  read: (text: string) => number,
  seconds: number,
  shown: string,
): Option {
  return new Option(flags, help).argParser(read).default(seconds, shown).helpGroup("Settings of --watch:");
}
