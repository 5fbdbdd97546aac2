import { count, ratio, size } from "../findings.js";
import type { ResultTable } from "../results.js";
import type { Case, Cases } from "./cases.js";
import type { Figures } from "./figures.js";
import { FREE_PLAN, FULLS_A_MONTH, RUNS_A_MONTH } from "./free-plan.js";
import { CURSOR, EVERYTHING, OURS } from "./names.js";

type Who = keyof Case;
const NAMES: Record<Who, string> = { ours: OURS, cursor: CURSOR, everything: EVERYTHING };

export interface Month {
  what: string;
  who: Who;
  ioBytes: number;
  calls: number;
  storedBytes: number;
}

/** A month of each of them, computed from what single runs were metered at. */
export function computeMonths(cases: Cases, stored: Record<Who, number>): Month[] {
  const { idle, onePercent, rewrite, full } = cases;
  const kinds: [string, (who: Who) => Figures[]][] = [
    ["nothing happens", (who) => [idle[who]]],
    ["1 % changes before each run, nothing else is written", (who) => [onePercent[who]]],
    [
      "1 % changes before each run, and all rows are rewritten",
      // The others meet the changed rows among the rewritten ones; ours is charged with two whole runs.
      (who) => (who === "ours" ? [rewrite.ours, onePercent.ours] : [rewrite[who]]),
    ],
  ];
  const io = ({ convexRead, convexWritten }: Figures) => convexRead + convexWritten;
  return kinds.flatMap(([what, runs]) =>
    (Object.keys(NAMES) as Who[]).map((who) => {
      const sum = (of: (figures: Figures) => number) =>
        RUNS_A_MONTH * runs(who).reduce((all, figures) => all + of(figures), 0) +
        (who === "ours" ? FULLS_A_MONTH * of(full) : 0);
      return { what, who, ioBytes: sum(io), calls: sum(({ calls }) => calls), storedBytes: stored[who] };
    }),
  );
}

export function describeMonths(months: readonly Month[]): ResultTable {
  return {
    id: "month",
    head: [
      "A month of the first user",
      "who",
      "database I/O",
      "of 1 GB",
      "calls",
      "of 1,000,000",
      "stored",
      "of 0.5 GB",
    ],
    rows: months.map(({ what, who, ioBytes, calls, storedBytes }) => [
      what,
      NAMES[who],
      size(ioBytes),
      ratio(ioBytes, FREE_PLAN.ioBytes),
      count(calls),
      ratio(calls, FREE_PLAN.calls),
      size(storedBytes),
      ratio(storedBytes, FREE_PLAN.storedBytes),
    ]),
    figures: months,
  };
}
