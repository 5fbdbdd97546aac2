import { z } from "zod";
import { configFileSchema } from "./config-file-schema.js";
import { OPTION_ROWS, type OptionRow } from "./option-table.js";

/** What is written from the tables of this directory. Tests hold the written files to these functions. */

const README_START = "<!-- options: written by `npm run generate:config`, do not edit -->";
const README_END = "<!-- /options -->";

/** The options as a table for the README. */
export function optionsMarkdown(): string {
  const rows = OPTION_ROWS.map(([, row]) => [
    row.variables.map(code).join(", "),
    row.flag === null ? "" : code(row.flag.split(" ")[0]!),
    row.required ? "required" : (row.fallbackShown ?? (row.fallback === null ? "" : code(row.fallback))),
    row.help,
  ]);
  return [["Variable", "Flag", "Default", "Meaning"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** A README with its marked section renewed; a README without one comes back as it is. */
export function renewReadme(readme: string): string {
  const start = readme.indexOf(README_START);
  const end = readme.indexOf(README_END);
  if (start < 0 || end < start) return readme;
  const table = `<!-- prettier-ignore -->\n${optionsMarkdown()}`;
  return `${readme.slice(0, start + README_START.length)}\n\n${table}\n\n${readme.slice(end)}`;
}

/** The text of .env.example. */
export function envExample(): string {
  const head = [
    "# Copy this to .env.local (or .env) and fill it in. Never commit the copy.",
    "# What stands in the environment wins over .env.local, and .env.local over .env.",
  ];
  return (
    [head, ...OPTION_ROWS.map(([, row]) => envEntry(row))].map((lines) => lines.join("\n")).join("\n\n") +
    "\n"
  );
}

function envEntry(row: OptionRow): string[] {
  const [variable, ...others] = row.variables;
  const alias = others.length === 0 ? "" : ` ${others.join(", ")} is read too.`;
  if (row.required) {
    return [
      `# ${row.help}${alias}`,
      `# ${row.required.whereToGet}`,
      `${variable}=${row.required.placeholder}`,
    ];
  }
  const fallback = row.fallbackShown === undefined ? "" : ` Default: ${row.fallbackShown}.`;
  return [`# ${row.help}${alias}${fallback}`, `#${variable}=${row.fallback ?? ""}`];
}

/** The JSON Schema of the configuration file, for editors. */
export function configFileJsonSchema(): string {
  return JSON.stringify(z.toJSONSchema(configFileSchema, { io: "input", target: "draft-7" }), null, 2) + "\n";
}

function code(text: string): string {
  return `\`${text}\``;
}
