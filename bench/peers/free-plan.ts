/** What Convex's free plan includes, by the month. */
export const FREE_PLAN = { ioBytes: 1_000_000_000, calls: 1_000_000, storedBytes: 512_000_000 };

/** The schedule of the first user: a run every four hours, and of datahub-sync a full one every week. */
export const RUNS_A_MONTH = 30 * 6;
export const FULLS_A_MONTH = 30 / 7;
export const RUNS_A_WEEK = 7 * 6;
