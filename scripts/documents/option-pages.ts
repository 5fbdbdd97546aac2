import type { Command, Option } from "commander";
import type { CliIo } from "../../src/cli/cli-io.js";
import type { Commands } from "../../src/cli/commands.js";
import { createProgram } from "../../src/cli/program.js";
import { OPTION_ROWS } from "../../src/config/option-table.js";
import { code, table } from "./markdown.js";

/** Pages of what can be set, from the table of options and the command line's own definition. */

export function optionsPage(): string {
  const rows = OPTION_ROWS.map(([, row]) => [
    row.variables.map(code).join(", "),
    row.flag === null ? "" : code(row.flag.split(" ")[0]!),
    row.required ? "required" : (row.fallbackShown ?? (row.fallback === null ? "" : code(row.fallback))),
    row.help,
  ]);
  return `# Options

Flags win over the environment, the environment over \`.env.local\`, \`.env.local\` over \`.env\`; \`--env-file\` is read instead of both
files. An empty value counts as absent. [\`.env.example\`](../../.env.example) has the same with room for values.

${table(["variable", "flag", "default", "meaning"], rows)}

What has no flag is a secret, or goes with one: arguments of a process can be read by every user of the machine. Which tables, keys,
columns and encodings: [the configuration file](../configuration.md).`;
}

/** Nothing is run, only what would be is read. */
const NO_IO = { stdout: { write: () => true }, stderr: { write: () => true } } as unknown as CliIo;

export function commandsPage(): string {
  const program = createProgram(NO_IO, {} as Commands, () => undefined);
  return `# Commands

\`datahub-sync COMMAND --help\` says the same with examples. Flags that set an [option](options.md) are not repeated here.

${program.commands.map(commandSection).join("\n\n")}

## In package.json

\`npm run sync:convex\` is \`sync\`, and \`npm run sync:convex:full\` is \`sync --full\`.`;
}

function commandSection(command: Command): string {
  const settings = new Set(OPTION_ROWS.map(([, { flag }]) => flag));
  const own = command.options.filter((option) => !settings.has(option.flags));
  return `## ${code(command.name())}

${sentence(command.description())}

${table(["flag", "meaning"], own.map(describeFlag))}`;
}

function describeFlag({ flags, description, defaultValue }: Option): string[] {
  const fallback = defaultValue === undefined ? "" : `; default: ${String(defaultValue)}`;
  return [code(flags), `${description}${fallback}`];
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
