import type { Difference, DifferenceKind, VerifyTable } from "../../model/verify-report.js";

/** Differences that are named; the others are counted. */
const NAMED = 100;

type Count = DifferenceKind | "equal" | "waiting" | "setAside" | "heldBack" | "unsettled";

/** What is known so far. However many differ, it takes no more memory than the first of them. */
export class Findings {
  readonly counts: Record<Count, number> = {
    equal: 0,
    different: 0,
    missing: 0,
    extra: 0,
    hash: 0,
    unknown: 0,
    waiting: 0,
    setAside: 0,
    heldBack: 0,
    unsettled: 0,
  };
  readonly differences: Difference[] = [];

  count(what: Count, times = 1): void {
    this.counts[what] += times;
  }

  /** @param key as people are shown it */
  add(kind: DifferenceKind, key: string, columns: string[] = []): void {
    this.counts[kind] += 1;
    if (this.differences.length < NAMED) this.differences.push({ kind, key, columns });
  }

  get outcome(): VerifyTable["outcome"] {
    const { different, missing, extra, hash, unknown } = this.counts;
    return different + missing + extra + hash + unknown === 0 ? "equal" : "different";
  }
}
