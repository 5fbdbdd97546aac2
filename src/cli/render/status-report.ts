import { EXIT } from "../../model/errors.js";
import type { StatusReport, TableStatus } from "../../model/report.js";
import { renderCosts } from "./cost-report.js";
import { renderColumns, type Column } from "./columns.js";
import { showAge, showBytes, showCount, showNoun, showTime } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";
import { paintAge, renderRecentRuns, usualGapSeconds } from "./recent-runs.js";

const left = (head: string): Column => ({ head, align: "left" });
const right = (head: string): Column => ({ head, align: "right" });

/** Two blocks, because one line for all of it would not fit 100 columns: what each side holds, and when it was run. */
const CONTENT = [
  left("table"),
  ...["Postgres", "mirror"].map(right),
  ...["changes", "held back", "set aside"].map((head) => ({ ...right(head), quiet: true })),
  left("tracking"),
];
const HISTORY = [
  left("table"),
  left("high-water mark"),
  right("age"),
  left("position"),
  left("last delta"),
  left("last full"),
];
/** What a narrow terminal leaves out, so that the rest is one line each: the age says as much, and `--json` has it. */
const LEFT_OUT_WHEN_NARROW = new Set(["high-water mark", "position"]);
const WIDE_ENOUGH = 100;

/** @param nowMs by our clock: ages of runs are for orientation, the age of the mark is the database's own */
export function renderStatusReport(report: StatusReport, nowMs: number, paint: Paint): string {
  const { deployment, tables, notices, recentRuns } = report;
  const gap = usualGapSeconds(recentRuns);
  const heads = (columns: Column[]) => columns.map((column) => ({ ...column, head: paint.dim(column.head) }));
  const problems = tables.flatMap(({ table, problem }) =>
    problem === null ? [] : [{ name: table, lines: [problem] }],
  );
  const closing = closingSentence(report);
  const isShown = ({ head }: Column) => paint.width >= WIDE_ENOUGH || !LEFT_OUT_WHEN_NARROW.has(head);
  return [
    `Deployment ${paint.bold(deployment)}, times in UTC`,
    ...(tables.length === 0
      ? []
      : [
          "",
          renderColumns(
            heads(CONTENT),
            tables.map((table) => contentRow(table, paint)),
            paint,
          ),
          "",
          renderColumns(
            heads(HISTORY.filter(isShown)),
            tables.map((table) =>
              historyRow(table, nowMs, gap, paint).filter((_, place) => isShown(HISTORY[place]!)),
            ),
            paint,
          ),
        ]),
    "",
    leases(report, nowMs),
    ...horizon(report),
    changeLog(report),
    "",
    ...renderRecentRuns(recentRuns, paint),
    ...renderCosts(report.costs, paint),
    ...renderEntries(paint.yellow("Problems"), problems),
    ...renderEntries(
      paint.yellow("Set aside"),
      tables.filter(({ rejectedRows }) => rejectedRows > 0).map(setAside),
    ),
    ...renderEntries(
      "Notices",
      notices.map(({ message }) => ({ name: "", lines: [message] })),
    ),
    ...(closing === null ? [] : ["", paint.bold(closing)]),
  ].join("\n");
}

function contentRow(status: TableStatus, paint: Paint): string[] {
  const { rowsInPostgres, rowsInMirror, changesWaiting, deletionsHeldBack, rejectedRows } = status;
  const marked = (count: number) => (count === 0 ? "0" : paint.yellow(showCount(count)));
  return [
    status.table === status.relation ? status.table : `${status.table} (${status.relation})`,
    ...[rowsInPostgres, rowsInMirror, changesWaiting].map((count) =>
      count === null ? "-" : showCount(count),
    ),
    marked(deletionsHeldBack),
    marked(rejectedRows),
    status.tracking === "intact"
      ? "intact"
      : status.tracking === "none"
        ? "compared"
        : paint.red(status.tracking),
  ];
}

function historyRow(
  { table, watermark, ageSeconds, lastDelta, lastFull }: TableStatus,
  nowMs: number,
  gapSeconds: number | null,
  paint: Paint,
): string[] {
  return [
    table,
    watermark.at === null ? "never" : showTime(watermark.at),
    ageSeconds === null ? "-" : paintAge(showAge(ageSeconds), ageSeconds, gapSeconds, paint),
    watermark.position === null ? "-" : showPosition(watermark.position),
    showRun(lastDelta, nowMs),
    showRun(lastFull, nowMs),
  ];
}

/** Rows that a person is shown of each table; `--json` has more. */
const NAMED_ROWS = 5;

function setAside({ table, rejected, rejectedRows }: TableStatus): { name: string; lines: string[] } {
  const named = rejected.slice(0, NAMED_ROWS);
  const more = rejectedRows - named.length;
  return {
    name: table,
    lines: [
      ...named.map(
        ({ key, column, since, reason }) =>
          `${key}${column === null ? "" : `, column ${column}`}, since ${showTime(since)}: ${reason}`,
      ),
      ...(more > 0 ? [named.length === 0 ? showNoun(more, "row") : `and ${showCount(more)} more`] : []),
    ],
  };
}

/** A snapshot lists every open transaction: here their number will do (`725:730+3`), and `--json` has them all. */
function showPosition(position: string): string {
  const [xmin = "", xmax = "", open = ""] = position.split(":");
  const count = open === "" ? 0 : open.split(",").length;
  return `${xmin}:${xmax}${count === 0 ? "" : `+${count}`}`;
}

function showRun(run: { at: string; outcome: string } | null, nowMs: number): string {
  return run === null ? "never" : `${run.outcome} ${showAge((nowMs - Date.parse(run.at)) / 1000)}`;
}

function leases({ running, tables }: StatusReport, nowMs: number): string {
  if (running.length === 0) return "No run is going on.";
  const lines = running.map(({ holder, epoch, acquiredAt, expiresAt, mirrors }) => {
    const since = showAge((nowMs - Date.parse(acquiredAt)) / 1000);
    const isAll = tables.every(({ table }) => mirrors.includes(table));
    const of = isAll ? "" : ` of ${nameSome(mirrors)}`;
    return `A run${of} is going on: ${holder} took the lease (epoch ${epoch}) ${since}; it ends at ${showTime(expiresAt)} unless renewed.`;
  });
  return lines.join("\n");
}

function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

function horizon({ horizon: held }: StatusReport): string[] {
  if (held === null) return [];
  const behind = showCount(BigInt(held.xidsBehind));
  return [
    `The snapshot's horizon is ${behind} transactions behind, held back by ${held.oldest ?? "an open transaction"}: what it changes is read when it has ended, and nothing is missed.`,
  ];
}

function changeLog({ changeLog: { entries, bytes } }: StatusReport): string {
  return `The change log has ${showNoun(entries, "entry", "entries")} and takes ${showBytes(bytes)} in Postgres.`;
}

function closingSentence({ exitCode, tables }: StatusReport): string | null {
  switch (exitCode) {
    case EXIT.done:
      return null;
    case EXIT.incomplete:
      return tables.some(({ rejectedRows }) => rejectedRows > 0)
        ? "Some rows are set aside and missing from the mirror: mend them in Postgres, or exclude or recode the column."
        : "New columns wait for a deploy: the lines to paste stand above.";
    case EXIT.deletionsHeldBack: {
      const held = tables.filter(({ deletionsHeldBack }) => deletionsHeldBack > 0).map(({ table }) => table);
      return `Deletions are held back. If they are meant:\n  datahub-sync sync ${held.map((table) => `--allow-deletes ${table}`).join(" ")}`;
    }
    case EXIT.stale:
      return tables.some(({ problem }) => problem !== null)
        ? "Mend the problems above: until then the mirror falls behind."
        : "A table has never been loaded: run `datahub-sync sync`.";
    case EXIT.leaseHeld:
      return "Another run is going on; ask again when it is done.";
    case EXIT.failed:
    case EXIT.usage:
      return "The status is incomplete: mend the problems above and ask again.";
  }
}
