import type { VariableSources } from "./env-files.js";
import { OPTION_ROWS, type OptionName, type OptionRow, type OptionValues } from "./option-table.js";
import type { Problem } from "./problems.js";

/** Flags as commander gives them, by the option's name. */
export type Flags = Readonly<Partial<Record<OptionName, string>>>;

export interface ResolvedOptions {
  /** Checked values; an option that is absent and has no default is absent here. */
  values: Partial<OptionValues>;
  /** How a message names the option: `DATABASE_URL (from .env)`, `--lease-seconds`. */
  names: Record<OptionName, string>;
  problems: Problem[];
}

interface Found {
  text: string;
  name: string;
  kind: "usage" | "invalid";
}

/** Finds the text of each option by precedence and checks it. `required` must be there. */
export function resolveOptions(
  flags: Flags,
  variables: VariableSources,
  required: ReadonlySet<OptionName>,
): ResolvedOptions {
  const values: Record<string, unknown> = {};
  const names: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const [option, row] of OPTION_ROWS) {
    const found = find(option, row, flags, variables);
    names[option] = found?.name ?? row.variables[0];
    if (found === null) {
      if (required.has(option)) problems.push(missing(row, variables.searched));
      else if (row.fallback !== null) values[option] = defaultOf(row, row.fallback);
      continue;
    }
    const problem = placeholderProblem(row, found);
    if (problem !== null) {
      if (required.has(option)) problems.push(problem);
      continue;
    }
    const checked = row.check(found.text);
    if (checked.ok) values[option] = checked.value;
    else problems.push(invalid(row, found, checked.problem));
  }
  return { values, names, problems };
}

function defaultOf(row: OptionRow, text: string): unknown {
  const checked = row.check(text);
  if (!checked.ok) throw new Error(`the default of ${row.variables[0]} ${checked.problem}`);
  return checked.value;
}

function find(option: OptionName, row: OptionRow, flags: Flags, variables: VariableSources): Found | null {
  const flag = flags[option];
  if (flag !== undefined) return { text: flag.trim(), name: row.flag!.split(" ")[0]!, kind: "usage" };
  for (const source of variables.sources) {
    for (const variable of row.variables) {
      const text = source.values[variable]?.trim();
      if (text) return { text, name: `${variable} (from ${source.label})`, kind: "invalid" };
    }
  }
  return null;
}

function missing(row: OptionRow, searched: string): Problem {
  const names = row.variables.join(" (or ") + ")".repeat(row.variables.length - 1);
  return {
    kind: "missing",
    message: `${names} is not set ${searched}.`,
    remedy: row.required?.whereToGet ?? row.help,
  };
}

/** A copied .env.example is the most common first configuration, and its values look real to every other check. */
function placeholderProblem(row: OptionRow, found: Found): Problem | null {
  if (row.required === undefined || found.text !== row.required.placeholder) return null;
  return {
    kind: "missing",
    message: `${found.name} still has the placeholder of .env.example.`,
    remedy: row.required.whereToGet,
  };
}

function invalid(row: OptionRow, found: Found, reason: string): Problem {
  const fallback = row.fallback ?? row.fallbackShown?.replaceAll("`", "");
  return {
    kind: found.kind,
    message: `${found.name} ${reason}.`,
    remedy: fallback === undefined ? row.help : `Leave it out for the default: ${fallback}.`,
  };
}
