import type { RunSummary } from "../../model/report.js";
import { renderColumns, type Column } from "./columns.js";
import { showAge, showBytes, showCount, showDuration, showTime } from "./human.js";
import type { Paint } from "./paint.js";

const COLUMNS: readonly Column[] = [
  { head: "run", align: "left" },
  { head: "began (UTC)", align: "left" },
  ...["ago", "took"].map((head): Column => ({ head, align: "right" })),
  { head: "kind", align: "left" },
  ...["inserted", "updated", "deleted"].map((head): Column => ({ head, align: "right", quiet: true })),
  ...["calls", "billed I/O"].map((head): Column => ({ head, align: "right" })),
  { head: "exit", align: "left" },
];

/** A line for each run, newest first. */
export function renderRuns(runs: readonly RunSummary[], nowMs: number, paint: Paint): string {
  if (runs.length === 0) return "No run of this deployment has ended yet.";
  const rows = runs.map((run) => {
    const { totals } = run;
    return [
      run.id.slice(0, 8),
      showTime(run.startedAt),
      showAge((nowMs - Date.parse(run.startedAt)) / 1000),
      showDuration(run.durationMs),
      run.loaded ? "first load" : run.mode,
      ...[totals.inserted, totals.updated, totals.deleted, totals.calls].map(showCount),
      showBytes(totals.bytesRead + totals.bytesWritten),
      showExit(run, paint),
    ];
  });
  return [
    renderColumns(
      COLUMNS.map((column) => ({ ...column, head: paint.dim(column.head) })),
      rows,
      paint,
    ),
    "",
    paint.bold("datahub-sync runs RUN shows one of them whole."),
  ].join("\n");
}

function showExit({ exitCode, failed }: RunSummary, paint: Paint): string {
  if (exitCode === 0) return paint.green("0");
  const text = failed.length === 0 ? `${exitCode}` : `${exitCode} (${failed.join(", ")})`;
  return failed.length === 0 ? paint.yellow(text) : paint.red(text);
}
