import { EXIT, type ExitCode } from "../../model/errors.js";
import type { DryRunReport, ForeseenTable } from "../../commands/dry-run-report.js";
import { renderColumns, type Column } from "./columns.js";
import { showBytes, showCount, showNoun } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";
import { MODE_NAMES } from "./run-report.js";

const COLUMNS: readonly Column[] = [
  { head: "table", align: "left" },
  { head: "run", align: "left" },
  ...["read", "inserted", "updated", "unchanged", "deleted", "set aside", "calls", "sent"].map(
    (head): Column => ({ head, align: "right" }),
  ),
  ...["Convex reads", "writes"].map((head): Column => ({ head, align: "right" })),
  { head: "", align: "left" },
];

/** Columns of figures. */
const FIGURES = COLUMNS.length - 3;

/** What `sync --dry-run` prints: a line for each table, why it would be run so, and what all of it would cost. */
export function renderDryRunReport(report: DryRunReport, paint: Paint): string {
  const { mode, tables, totals, foreseenExitCode } = report;
  const rows = tables.map((table) => [
    table.table,
    ...(table.run === "refused"
      ? [paint.red("refused"), ...Array<string>(FIGURES).fill("-"), ""]
      : [kindOf(table, paint), ...figures(table), remark(table, paint)]),
  ]);
  if (tables.length > 1) {
    rows.push(
      inCommon(report),
      ["total", "", ...figures(totals)].map((cell) => paint.bold(cell)),
    );
  }
  const heads = COLUMNS.map(({ head, align }) => ({ head: head && paint.dim(head), align }));
  return [
    `${paint.bold("Dry run: nothing is written, in Postgres or in Convex.")} A ${MODE_NAMES[mode].toLowerCase()} would do this now:`,
    ...(tables.length === 0 ? [] : ["", renderColumns(heads, rows, paint)]),
    ...notices(report),
    ...setAside(tables, paint),
    ...refusals(tables, paint),
    ...(foreseenExitCode === EXIT.done ? [] : ["", paint.yellow(exitSentence(foreseenExitCode))]),
    "",
    paint.bold(cost(report)),
  ].join("\n");
}

function kindOf({ run, mode }: ForeseenTable, paint: Paint): string {
  switch (run) {
    case "nothing":
      return paint.dim("nothing to do");
    case "load":
      return "first load";
    case "delta":
    case "compare":
    case "refused":
      return mode;
  }
}

type Figures = Pick<
  ForeseenTable,
  | "read"
  | "inserted"
  | "updated"
  | "unchanged"
  | "deleted"
  | "rejected"
  | "calls"
  | "bytesSent"
  | "bytesRead"
  | "bytesWritten"
>;

function figures(of: Figures): string[] {
  const { read, inserted, updated, unchanged, deleted, rejected, calls } = of;
  return [
    ...[read, inserted, updated, unchanged, deleted, rejected, calls].map(showCount),
    ...[of.bytesSent, of.bytesRead, of.bytesWritten].map(showBytes),
  ];
}

/** What would be asked and told for all tables at once: the lines add up to the total. */
function inCommon({ tables, totals }: DryRunReport): string[] {
  const rest = (of: (figures: Figures) => number) =>
    tables.reduce((left, table) => left - of(table), of(totals));
  const bytes = [
    rest(({ bytesSent }) => bytesSent),
    rest(({ bytesRead }) => bytesRead),
    rest(({ bytesWritten }) => bytesWritten),
  ];
  return [
    "in common",
    "",
    ...Array<string>(6).fill("-"),
    showCount(rest(({ calls }) => calls)),
    ...bytes.map((each) => showBytes(Math.max(0, each))),
  ];
}

function remark({ heldBack }: ForeseenTable, paint: Paint): string {
  return heldBack === 0 ? "" : paint.yellow(`${showCount(heldBack)} would be held back`);
}

function notices({ notices: ofRun, tables }: DryRunReport): string[] {
  return renderEntries("Why, and what the run would report", [
    ...ofRun.map(({ message }) => ({ name: "run", lines: [message] })),
    ...tables.flatMap(({ table, notices: ofTable }) =>
      ofTable.map(({ message }) => ({ name: table, lines: [message] })),
    ),
  ]);
}

function setAside(tables: readonly ForeseenTable[], paint: Paint): string[] {
  const entries = tables.flatMap(({ table, setAside: reasons }) =>
    reasons.map(({ code, column, rows }) => ({
      name: table,
      lines: [`${showNoun(rows, "row")}: ${code}${column === null ? "" : ` (column ${column})`}`],
    })),
  );
  return renderEntries(paint.yellow("Would be set aside"), entries);
}

function refusals(tables: readonly ForeseenTable[], paint: Paint): string[] {
  const entries = tables.flatMap(({ table, error }) =>
    error === undefined ? [] : [{ name: table, lines: [`${error.message} (${error.code})`, error.remedy] }],
  );
  return renderEntries(paint.red("Would be refused"), entries);
}

function exitSentence(code: ExitCode): string {
  const why: Partial<Record<ExitCode, string>> = {
    [EXIT.failed]: "a table would fail",
    [EXIT.incomplete]: "something would not be mirrored",
    [EXIT.deletionsHeldBack]: "deletions would be held back",
  };
  return `The run would exit with ${code}${why[code] === undefined ? "" : `: ${why[code]}`}.`;
}

function cost({ totals }: DryRunReport): string {
  const { calls, bytesSent, bytesRead, bytesWritten } = totals;
  return `Cost: ${showNoun(calls, "call")}, ${showBytes(bytesSent)} sent; Convex would read about ${showBytes(bytesRead)} and write about ${showBytes(bytesWritten)}.`;
}
