import { EXIT } from "../../model/errors.js";
import type { RunMode, RunReport, TableCounts, TableReport } from "../../model/report.js";
import { closingSentence } from "./closing-sentence.js";
import { renderColumns, type Column } from "./columns.js";
import { showBytes, showCount, showDuration, showNoun, showSeconds } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";

const COLUMNS: readonly Column[] = [
  { head: "table", align: "left" },
  ...["read", "inserted", "updated", "unchanged", "deleted", "set aside", "calls", "seconds"].map(
    (head): Column => ({ head, align: "right" }),
  ),
  { head: "", align: "left" },
];

export const MODE_NAMES: Record<RunMode, string> = { delta: "Delta run", full: "Full run", deep: "Deep run" };

/** What `sync` prints at its end on a terminal: a line for each table, what a person should know, and what to do next. */
export function renderRunReport(report: RunReport, paint: Paint): string {
  const rows = report.tables.map((table) => tableRow(table, report.mode, paint));
  return [
    ...(rows.length === 0
      ? []
      : [renderColumns(paintedHeads(paint), [...rows, ...sums(report, paint)], paint), ""]),
    `${describeRun(report)}.`,
    ...bill(report),
    ...remarks(report, paint),
  ].join("\n");
}

/**
 * The same for a log that is looked at when something is wrong: one dated line for a run that found nothing to do, else one,
 * and a line for each table that had something.
 */
export function renderDatedReport(report: RunReport, deployment: string, paint: Paint): string {
  const { finishedAt, exitCode, tables } = report;
  const level = exitCode === EXIT.done ? "info " : exitCode === EXIT.failed ? "error" : "warn ";
  const line = `${finishedAt} ${level} ${deployment}: ${describeRun(report)}`;
  const busy = tables.filter((table) => !isIdle(table));
  const about = remarks(report, paint);
  if (busy.length === 0) return [`${line}; nothing to do.`, ...about].join("\n");
  const rows = [
    ...busy.map((table) => tableRow(table, report.mode, paint)),
    ...idleRow(tables.filter((table) => !busy.includes(table))),
  ];
  return [
    `${line}.`,
    renderColumns(paintedHeads(paint), [...rows, ...sums(report, paint)], paint),
    ...bill(report),
    ...about,
  ].join("\n");
}

/** The same in a few lines, for whoever is told of it: what was done, what failed, what to do. */
export function renderSummary(report: RunReport): string {
  const failed = report.tables.flatMap(({ table, error }) =>
    error === undefined ? [] : [`${table}: ${error.message} ${error.remedy}`],
  );
  const closing = closingSentence(report);
  return [`${describeRun(report)}.`, ...failed, ...(closing === null ? [] : [closing])].join("\n");
}

function isIdle({ outcome, read, deleted, rejected, heldBack, firstLoad }: TableReport): boolean {
  return outcome === "done" && !firstLoad && read + deleted + rejected + heldBack === 0;
}

function idleRow(tables: readonly TableReport[]): string[][] {
  if (tables.length === 0) return [];
  const sum = (of: (table: TableReport) => number) => tables.reduce((all, table) => all + of(table), 0);
  const calls = showCount(sum((table) => table.calls));
  const seconds = showSeconds(sum((table) => table.durationMs));
  return [[`${tables.length} more`, ...Array<string>(6).fill("-"), calls, seconds, "nothing to do"]];
}

/** One table is its own sum. */
function sums(report: RunReport, paint: Paint): string[][] {
  const { tables, totals, durationMs } = report;
  if (tables.length < 2) return [];
  return [inCommon(report), ["total", ...counts(totals, durationMs)].map((cell) => paint.bold(cell))];
}

function remarks(report: RunReport, paint: Paint): string[] {
  const closing = closingSentence(report);
  return [
    ...notices(report),
    ...failures(report, paint),
    ...(closing === null ? [] : ["", paint.bold(closing)]),
  ];
}

function paintedHeads(paint: Paint): Column[] {
  return COLUMNS.map(({ head, align }) => ({ head: head && paint.dim(head), align }));
}

function tableRow(table: TableReport, runMode: RunMode, paint: Paint): string[] {
  if (table.outcome === "not-run" || table.outcome === "busy") {
    const why = table.outcome === "busy" ? paint.dim("another run") : paint.yellow("not run");
    return [table.table, ...Array<string>(8).fill("-"), why];
  }
  return [table.table, ...counts(table, table.durationMs), remark(table, runMode, paint)];
}

/** What was asked and told for all tables at once: the lines add up to the total. */
function inCommon({ tables, totals, durationMs }: RunReport): string[] {
  const rest = (total: number, of: (table: TableReport) => number) =>
    tables.reduce((left, table) => left - of(table), total);
  const calls = rest(totals.calls, (table) => table.calls);
  const ms = rest(durationMs, (table) => table.durationMs);
  return ["in common", ...Array<string>(6).fill("-"), showCount(calls), showSeconds(Math.max(0, ms))];
}

function counts(of: TableCounts, durationMs: number): string[] {
  const { read, inserted, updated, unchanged, deleted, rejected, calls } = of;
  return [
    ...[read, inserted, updated, unchanged, deleted, rejected, calls].map(showCount),
    showSeconds(durationMs),
  ];
}

/** What the numbers of a line do not say. */
function remark(table: TableReport, runMode: RunMode, paint: Paint): string {
  const remarks = [
    table.outcome === "failed" ? paint.red("failed") : null,
    table.firstLoad ? "first load" : null,
    table.firstLoad || table.mode === runMode ? null : paint.yellow(MODE_NAMES[table.mode].toLowerCase()),
    table.heldBack === 0 ? null : paint.yellow(`${showCount(table.heldBack)} held back`),
  ];
  return remarks.filter((text) => text !== null).join(", ");
}

function describeRun({ mode, runId, durationMs, tables, totals }: RunReport): string {
  const repeated = totals.retries === 0 ? "" : ` (${showCount(totals.retries)} repeated)`;
  const work = [
    showNoun(tables.length, "table"),
    `${showNoun(totals.calls, "call")}${repeated}`,
    `${showBytes(totals.bytesSent)} sent`,
  ];
  const isFirst = tables.length > 0 && tables.every(({ firstLoad }) => firstLoad);
  const what = isFirst ? "First load" : MODE_NAMES[mode];
  return `${what} ${runId}: ${work.join(", ")}, ${showDuration(durationMs)}`;
}

/** What the functions said that Convex counts. */
function bill({ totals: { bytesRead, bytesWritten } }: RunReport): string[] {
  if (bytesRead + bytesWritten === 0) return [];
  return [`Convex bills ${showBytes(bytesRead)} read and ${showBytes(bytesWritten)} written for it.`];
}

function notices(report: RunReport): string[] {
  const entries = [
    ...report.notices.map((notice) => ({ name: "run", lines: [notice.message] })),
    ...report.tables.flatMap(({ table, notices: ofTable }) =>
      ofTable.map((notice) => ({ name: table, lines: [notice.message] })),
    ),
  ];
  return renderEntries("Notices", entries);
}

function failures({ tables }: RunReport, paint: Paint): string[] {
  const entries = tables.flatMap(({ table, error }) =>
    error === undefined ? [] : [{ name: table, lines: [`${error.message} (${error.code})`, error.remedy] }],
  );
  return renderEntries(paint.red("Failed"), entries);
}
