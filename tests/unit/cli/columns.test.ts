import { expect, test } from "vitest";
import { renderColumns, type Column } from "../../../src/cli/render/columns.js";
import { terminalOf } from "../../../src/cli/render/terminal.js";

const COLUMNS: Column[] = [
  { head: "table", align: "left" },
  { head: "rows", align: "right" },
  { head: "last run", align: "left" },
  { head: "", align: "left" },
];
const ROWS = [
  ["sow_poles", "23,700", "done 3 h ago", ""],
  ["nokia", "5", "-", "held back"],
];

test("aligned where the terminal is wide enough", () => {
  expect(`\n${renderColumns(COLUMNS, ROWS, terminalOf(43))}\n`).toBe(`
table        rows  last run
sow_poles  23,700  done 3 h ago
nokia           5  -             held back
`);
});

test("one below the other where it is not, and without what is empty", () => {
  expect(`\n${renderColumns(COLUMNS, ROWS, terminalOf(30))}\n`).toBe(`
sow_poles
  rows 23,700, last run done 3
  h ago
nokia
  rows 5, held back
`);
});

test("colours are no width", () => {
  const painted = ROWS.map(([name, ...rest]) => [`\x1b[31m${name!}\x1b[39m`, ...rest]);
  expect(renderColumns(COLUMNS, painted, terminalOf(43)).split("\n")).toHaveLength(3);
});
