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
  /** Changes to each row between two full runs from which on digests cost more than they save; infinite: never. */
  breakEven: number;
  /** Ranges that two batches of random keys have in common: from one on, batches that are under way together conflict. */
  shared: number;
}

/** Of our own batches, at most. */
const BATCH_ROWS = 400;

/**
 * What digests by key range would save and cost, if `applyBatch` kept one for every so many rows: a full run would read
 * the digests, and the entries of no range that is equal; each batch would read and write the digest of every range that it
 * touches, since a batch is a transaction. Best for the digests: no full run finds a difference.
 */
export function reckonKeyRanges(inputs: RangeInputs): RangeReckoning {
  const { rows, fullReads, changed, deltasBetweenFulls, rowsOfRange, digestRead, digestWritten } = inputs;
  const ranges = Math.ceil(rows / rowsOfRange);
  // Of keys at random, some fall into the same range.
  const touched = (keys: number) => ranges * (1 - (1 - 1 / ranges) ** keys);
  const saved = fullReads - ranges * digestRead;
  const written = (keys: number) =>
    Math.floor(keys / BATCH_ROWS) * touched(BATCH_ROWS) + touched(keys % BATCH_ROWS);
  const costOf = (keys: number) => deltasBetweenFulls * written(keys) * (digestRead + digestWritten);
  let [low, high] = [0, rows];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (costOf(middle) < saved) low = middle;
    else high = middle;
  }
  return {
    saved,
    cost: costOf(changed),
    breakEven: costOf(rows) < saved ? Infinity : (deltasBetweenFulls * low) / rows,
    shared: touched(BATCH_ROWS) ** 2 / ranges,
  };
}

/** For some sizes of a table and of a range. */
export function describeKeyRanges(cases: readonly RangeInputs[]): ResultTable {
  const reckoned = cases.map((inputs) => ({ ...inputs, ...reckonKeyRanges(inputs) }));
  return {
    id: "key-ranges",
    head: [
      "Digests by key range, a week of 42 deltas of 1 %",
      "a full run reads",
      "a row",
      "saved",
      "cost",
      "cost against saved",
      "even at changes a row",
      "shared by 2 batches",
    ],
    rows: reckoned.map(({ rows, rowsOfRange, fullReads, saved, cost, breakEven, shared }) => [
      `${count(rows)} rows, ranges of ${count(rowsOfRange)}`,
      size(fullReads),
      size(fullReads / rows),
      size(saved),
      size(cost),
      ratio(cost, saved),
      breakEven === Infinity ? "never" : breakEven.toFixed(2),
      shared.toFixed(1),
    ]),
    figures: reckoned,
  };
}
