import type { AdoptionReport, AdoptionTable } from "../../model/adoption-report.js";
import { renderColumns, type Column } from "./columns.js";
import { showCount } from "./human.js";
import { renderEntries, type Paint } from "./paint.js";
import { renderRunReport } from "./run-report.js";

const COLUMNS: readonly Column[] = [
  { head: "documents of before", align: "left" },
  ...["equal", "differ", "without a row", "key twice", "no key"].map((head): Column => ({
    head,
    align: "right",
  })),
];

/** What was found, before anything is done. */
export function renderStrangers(tables: readonly AdoptionTable[], paint: Paint): string {
  const rows = tables.map(({ table, equal, differing, withoutRow, doubles, withoutKey, error }) => [
    table,
    ...(error === undefined
      ? [equal, differing, withoutRow, doubles, withoutKey].map(showCount)
      : Array<string>(5).fill("-")),
  ]);
  return [
    renderColumns(
      COLUMNS.map(({ head, align }) => ({ head: paint.dim(head), align })),
      rows,
      paint,
    ),
    ...renderEntries(
      paint.red("Failed"),
      tables.flatMap(({ table, error }) =>
        error === undefined
          ? []
          : [{ name: table, lines: [`${error.message} (${error.code})`, error.remedy] }],
      ),
    ),
  ].join("\n");
}

export function renderAdoption(
  { tables, run }: AdoptionReport,
  { dryRun, remove }: { dryRun?: boolean; remove?: boolean },
  paint: Paint,
): string {
  const found = renderStrangers(tables, paint);
  if (run !== null) return [found, "", renderRunReport(run, paint)].join("\n");
  const left = tables.reduce((sum, table) => sum + table.withoutRow + table.doubles + table.withoutKey, 0);
  const some = tables.some(({ equal, differing }) => equal + differing > 0);
  const closing = some
    ? dryRun
      ? "Nothing was changed: without --dry-run, the documents that equal or differ become the mirror's."
      : "Nothing was changed."
    : left > 0 && !remove
      ? "There is nothing to take over. `--remove` removes the documents that belong to no row."
      : "There is nothing to take over.";
  return [found, "", paint.bold(closing)].join("\n");
}
