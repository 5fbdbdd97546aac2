import { Option, type Command } from "commander";
import { OPTION_ROWS, type OptionName, type OptionRow } from "../config/option-table.js";
import type { Flags } from "../config/resolve-options.js";

/** Flags that every command which reads the configuration has. */
export interface CommonFlags {
  table?: string[];
  envFile?: string;
  json?: boolean;
  verbose?: boolean;
}

/** Flags as commander hands them over: the common ones, those of the table of options, the command's own. */
export type ParsedFlags = CommonFlags & Record<string, unknown>;

export const VERBOSE = ["--verbose", "log more; show causes and stack traces of errors"] as const;

/** What `--table` means to commands that read. */
export const ONLY_THIS_TABLE = "only this table, by mirror or relation; may be repeated";

/**
 * Adds `--table`, `--json`, `--env-file`, `--verbose` and the flags of the table of options.
 * @param tableHelp null: the command is not about tables
 */
export function addCommonFlags(
  command: Command,
  scope: OptionRow["scope"],
  tableHelp: string | null,
): Command {
  if (tableHelp !== null) command.option("-t, --table <name...>", tableHelp);
  command
    .option("--json", "print one JSON object on standard output, and nothing else there")
    .option("--env-file <file>", "read variables from this file instead of .env.local and .env")
    .option(...VERBOSE);
  return addOptionFlags(command, scope);
}

/** Adds the flags of the table of options. @param among of those that all commands have, these alone; by default, all */
export function addOptionFlags(
  command: Command,
  scope: OptionRow["scope"],
  among?: readonly OptionName[],
): Command {
  const shown = OPTION_ROWS.filter(([name, row]) =>
    row.scope === "all" ? (among?.includes(name) ?? true) : row.scope === scope,
  );
  for (const [, row] of shown)
    if (row.flag !== null)
      command.addOption(new Option(row.flag, describe(row)).helpGroup(`Settings${SCOPES[row.scope]}:`));
  return command;
}

const SCOPES: Record<OptionRow["scope"], string> = { all: "", sync: " of the run", queue: " of the queue" };

function describe(row: OptionRow): string {
  const fallback = row.fallbackShown ?? row.fallback;
  const text = `${row.help}${fallback === null ? "" : ` Default: ${fallback}.`} Variable: ${row.variables[0]}`;
  return text.replaceAll("`", "");
}

/** The texts of the flags of the table of options, by option. `--verbose` is a log level unless one is named. */
export function optionFlags(flags: ParsedFlags): Flags {
  const found = OPTION_ROWS.flatMap(([name, row]) => {
    const text = row.flag === null ? undefined : flags[new Option(row.flag).attributeName()];
    return typeof text === "string" ? [[name, text] as const] : [];
  });
  return { ...(flags.verbose && { logLevel: "debug" }), ...Object.fromEntries(found) };
}
