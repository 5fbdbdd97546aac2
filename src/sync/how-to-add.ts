import { validatorSource } from "../encode/plan-document.js";
import type { ColumnShape } from "../model/encoding.js";

/** What to paste, in words. */
export function howToAdd(columns: readonly ColumnShape[]): string {
  const fields = columns.map((column) => `${column.field}: mirrored(${validatorSource(column)})`).join(", ");
  return `Add { ${fields} } to the table in \`convex/\` and run \`npx convex deploy\`; or exclude the columns in the configuration file.`;
}
