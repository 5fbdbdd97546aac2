import { count, ratio, size } from "../findings.js";
import type { ResultTable } from "../results.js";

/** What is put in: measured, but for the ranges, which do not exist. */
export interface RangeInputs {
  rows: number;
  /** What a full run reads in Convex. */
  fullReads: number;
  /** Rows that change before each delta, at random keys. */
  changed: number;
  deltasBetweenFulls: number;
  rowsOfRange: number;
  /** Of a range's digest: what its read is metered at, by a delta that touches it and by a full run, and its write. */
  digestRead: number;
  digestWritten: number;
}

export interface RangeReckoning {
  /** Between two full runs. */
  saved: number;
  cost: number;
  /** Changes to each row between two full runs from which on digests cost more than they save. */
  breakEven: number;
}

/**
 * What digests by key range would save and cost, if `applyBatch` kept one for every so many rows: a full run would read
 * the digests, and the entries of no range that is equal; each delta would read and write the digest of every range that it
 * touches. Best for the digests: no full run finds a difference.
 */
export function reckonKeyRanges(inputs: RangeInputs): RangeReckoning {
  const { rows, fullReads, changed, deltasBetweenFulls, rowsOfRange, digestRead, digestWritten } = inputs;
  const ranges = Math.ceil(rows / rowsOfRange);
  // Of keys at random, some fall into the same range.
  const touched = (keys: number) => ranges * (1 - (1 - 1 / ranges) ** keys);
  const saved = fullReads - ranges * digestRead;
  const costOf = (keys: number) => deltasBetweenFulls * touched(keys) * (digestRead + digestWritten);
  let [low, high] = [0, rows];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (costOf(middle) < saved) low = middle;
    else high = middle;
  }
  return { saved, cost: costOf(changed), breakEven: (deltasBetweenFulls * low) / rows };
}

/** For some sizes of a range, with 1 % changing before each delta. */
export function describeKeyRanges(cases: readonly RangeInputs[]): ResultTable {
  const reckoned = cases.map((inputs) => ({ ...inputs, ...reckonKeyRanges(inputs) }));
  return {
    id: "key-ranges",
    head: [
      "Digests by key range, reckoned for a week",
      ...[
        "a full run reads",
        "a row",
        "saved",
        "cost",
        "cost against saved",
        "even at changes a row and week",
      ],
    ],
    rows: reckoned.map(({ rows, rowsOfRange, fullReads, saved, cost, breakEven }) => [
      `${count(rows)} rows, ranges of ${count(rowsOfRange)}, 1 % changed before each of 42 deltas`,
      ...[size(fullReads), size(fullReads / rows), size(saved), size(cost), ratio(cost, saved)],
      breakEven.toFixed(2),
    ]),
    figures: reckoned,
  };
}
