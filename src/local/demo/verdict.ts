import { showCount, showDuration, showNoun } from "../../cli/render/human.js";
import type { TableVerdict } from "../oracle/compare-table.js";
import type { Narrator } from "./narrator.js";

/** Prints what the comparison found, and the last word. Returns whether all is well. */
export function showVerdict(
  narrator: Narrator,
  verdicts: readonly TableVerdict[],
  deviations: number,
): boolean {
  const sum = (name: "rows" | "documents" | "values" | "differing") =>
    verdicts.reduce((total, verdict) => total + verdict[name], 0);
  narrator.line();
  narrator.table(
    ["table", "rows", "documents", "values compared", "differences"],
    [
      ...verdicts.map(({ table, rows, documents, values, differing }) => {
        return [table, rows, documents, values, differing];
      }),
      ["total", sum("rows"), sum("documents"), sum("values"), sum("differing")],
    ],
  );
  narrator.line();
  for (const { table, differences } of verdicts) {
    for (const { kind, id, column, detail } of differences) {
      narrator.bad(`${table} ${id}${column === null ? "" : `, ${column}`}: ${kind}, ${detail}`);
    }
  }
  const took = `It took ${showDuration(narrator.elapsedMs)}.`;
  if (sum("differing") > 0 || deviations > 0) {
    narrator.bold(
      `NOT EQUAL: ${showNoun(sum("differing"), "difference")} between the two sides, ` +
        `${showNoun(deviations, "count")} other than expected. ${took}`,
    );
    return false;
  }
  narrator.bold(
    `Equal: all ${showCount(sum("values"))} values of ${showNoun(sum("rows"), "row")} are in Convex as they are in ` +
      `Postgres, nothing is missing, nothing is too much, and every count was exact. ${took}`,
  );
  return true;
}
