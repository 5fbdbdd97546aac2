import { quoteName, quoteText } from "../local/oracle/mirrored-table.js";
import type { Making } from "./random-values.js";
import type { TortureTable } from "./tables.js";

/** Rows of a table that nobody tracks, or not as this one's: some go, some change. */
export function alter(name: string, table: TortureTable, making: Making): string[] {
  const column = making.random.pick(table.columns.filter(({ inKey }) => !inKey));
  const relation = quoteName(name);
  const some = (part: number) => `('x' || left(md5(ctid::text), 1))::bit(4)::int % 4 = ${part}`;
  return [
    `DELETE FROM ${relation} WHERE ${some(0)}`,
    `UPDATE ${relation} SET ${quoteName(column.name)} = ${quoteText(column.make(making))} WHERE ${some(1)}`,
  ];
}
