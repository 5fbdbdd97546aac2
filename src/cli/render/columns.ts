import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import type { Surface } from "./paint.js";

/** A column of a table of text. */
export interface Column {
  head: string;
  align: "left" | "right";
  /** Its zero is no news: left out where a row is broken into lines. */
  quiet?: boolean;
}

const NO_LINES = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"].flatMap((side) =>
    ["", "-mid", "-left", "-right"].map((part) => [`${side}${part}`, ""]),
  ),
);

/**
 * Aligned columns, two spaces apart, without lines; no line ends in spaces. Colours do not count as width. Where that is wider
 * than the terminal, which would break each line anywhere, a row is its first cell and, below it, the others with their heads.
 */
export function renderColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  surface: Surface,
): string {
  const lines = alignedLines(columns, rows);
  const widest = Math.max(...lines.map((line) => stripVTControlCharacters(line).length));
  return (widest <= surface.width ? lines : rows.flatMap((row) => stackedLines(columns, row, surface))).join(
    "\n",
  );
}

function alignedLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const table = new Table({
    head: columns.map(({ head }) => head),
    colAligns: columns.map(({ align }) => align),
    chars: { ...NO_LINES, middle: "  " },
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

function stackedLines(
  columns: readonly Column[],
  [name = "", ...cells]: readonly string[],
  { width, wrap }: Surface,
): string[] {
  const parts = cells.flatMap((cell, place) => {
    const { head, quiet } = columns[place + 1]!;
    if (cell === "" || cell === "-" || (quiet && cell === "0")) return [];
    return [head === "" ? cell : `${head} ${cell}`];
  });
  const indent = "  ";
  return [name, ...wrap(parts.join(", "), width - indent.length).map((line) => indent + line)];
}
