import { z } from "zod";
import { configFileSchema } from "../../src/config/config-file-schema.js";
import { deploymentsFileSchema } from "../../src/config/deployments-schema.js";
import { OPTION_ROWS, type OptionRow } from "../../src/config/option-table.js";

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

/** The JSON Schema of a file that users write, for their editors. */
function jsonSchema(schema: z.ZodType): string {
  return JSON.stringify(z.toJSONSchema(schema, { io: "input", target: "draft-7" }), null, 2) + "\n";
}

export const configFileJsonSchema = (): string => jsonSchema(configFileSchema);
export const deploymentsFileJsonSchema = (): string => jsonSchema(deploymentsFileSchema);
