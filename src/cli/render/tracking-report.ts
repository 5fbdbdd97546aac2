import type { MigrateReport, TrackingChange, TrackingReport } from "../../commands/migrate.js";
import { renderColumns } from "./columns.js";
import { showNoun } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";

const OUTCOMES: Record<TrackingChange["outcome"], string> = {
  tracked: "tracked now",
  "already-tracked": "tracked already",
  "tracked-again": "tracked anew",
  untracked: "no longer tracked",
  "kept-for-others": "still tracked, for another deployment",
  "not-tracked": "was not tracked",
  compared: "not tracked: each run compares it",
  failed: "failed",
};

/** What `migrate` prints. */
export function renderMigrateReport(report: MigrateReport, paint: Paint): string {
  const applied =
    report.applied.length === 0
      ? ["The schema datahub_sync is up to date."]
      : [
          `${showNoun(report.applied.length, "migration")} applied:`,
          ...report.applied.map((name) => `  ${name}`),
        ];
  const closing = report.ok
    ? []
    : ["", paint.bold("Mend the cause and run `datahub-sync migrate` again; what is done stays.")];
  return [...applied, ...trackingLines(report, paint), ...closing].join("\n");
}

/** What `untrack` prints. */
export function renderUntrackReport(report: TrackingReport, paint: Paint): string {
  const closing = report.ok
    ? []
    : ["", paint.bold("Mend the cause and run the same command again; what is done stays.")];
  return [...trackingLines(report, paint), ...closing].join("\n").trimStart();
}

/** What was announced has been said before anything was done. */
function trackingLines({ tables }: TrackingReport, paint: Paint): string[] {
  const rows = tables.map(({ table, base, outcome }) => [
    table,
    base,
    outcome === "failed" ? paint.red(OUTCOMES[outcome]) : OUTCOMES[outcome],
  ]);
  const columns = ["table", "tracked on", ""].map((head) => ({
    head: paint.dim(head),
    align: "left" as const,
  }));
  return [
    ...(rows.length === 0 ? [] : ["", renderColumns(columns, rows, paint)]),
    ...renderEntries(
      paint.red("Failed"),
      tables.flatMap(({ table, error }) =>
        error === undefined
          ? []
          : [{ name: table, lines: [`${error.message} (${error.code})`, error.remedy] }],
      ),
    ),
  ];
}
