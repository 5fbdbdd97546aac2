import { showCount, showDuration, showNoun } from "../../src/cli/render/human.js";
import type { Comparison } from "../oracle/compare-table.js";
import type { Narrator } from "./narrator.js";

export interface TableVerdict extends Comparison {
  table: string;
}

/** Differences that are told of a table; all are counted. */
const DIFFERENCES_SHOWN = 10;

type Sum = "rows" | "documents" | "values" | "differing";

function countOf(verdict: TableVerdict, name: Sum): number {
  return name === "differing" ? verdict.differences.length + verdict.missing.length : verdict[name];
}

const sumOf = (verdicts: readonly TableVerdict[], name: Sum) =>
  verdicts.reduce((total, verdict) => total + countOf(verdict, name), 0);

/** Prints what the comparison found: a line for each table, and the first differences. */
export function showComparison(narrator: Narrator, verdicts: readonly TableVerdict[]): void {
  const sum = (name: Sum) => sumOf(verdicts, name);
  narrator.line();
  narrator.table(
    ["table", "rows", "documents", "values compared", "differences"],
    [
      ...verdicts.map((verdict) => {
        const { table, rows, documents, values } = verdict;
        return [table, rows, documents, values, countOf(verdict, "differing")];
      }),
      ["total", sum("rows"), sum("documents"), sum("values"), sum("differing")],
    ],
  );
  narrator.line();
  for (const { table, differences, missing } of verdicts) {
    const lacking = missing.map((key) => ({ key, column: null, what: "a row without a document" }));
    for (const { key, column, what } of [...differences, ...lacking].slice(0, DIFFERENCES_SHOWN)) {
      narrator.bad(`${table} ${key}${column === null ? "" : `, ${column}`}: ${what}`);
    }
  }
}

/** Prints the last word. Returns whether all is well. */
export function showVerdict(
  narrator: Narrator,
  verdicts: readonly TableVerdict[],
  deviations: number,
): boolean {
  const sum = (name: Sum) => sumOf(verdicts, name);
  const took = `It took ${showDuration(narrator.elapsedMs)}.`;
  narrator.line();
  if (sum("differing") > 0 || deviations > 0) {
    narrator.bold(
      `NOT EQUAL: ${showNoun(sum("differing"), "difference")} between the two sides, ` +
        `${showNoun(deviations, "count")} other than expected. ${took}`,
    );
    return false;
  }
  narrator.bold(
    `Equal: all ${showCount(sum("values"))} values of ${showNoun(sum("rows"), "row")} are in Convex as they are in ` +
      `Postgres.\nNothing is missing, nothing is too much, and every count was exact. ${took}`,
  );
  return true;
}
