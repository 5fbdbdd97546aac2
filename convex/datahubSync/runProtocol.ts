import { v, type Infer, type ObjectType } from "convex/values";
import { tokenFields } from "./protocol.js";

/* The part of the protocol that begins a mirror's run, fences it and ends it. */

/**
 * `beginRuns`: the runs of any number of mirrors, each begun or refused by itself: with UNKNOWN_TABLE, LINEAGE_MISMATCH or
 * EPOCH_BEHIND. Repeating the call that began a run going on is a
 * success that changes nothing.
 */
export const beginRunsFields = {
  tables: v.array(v.string()),
  /** The source's lasting identity: a mirror follows one source. */
  lineage: v.string(),
  /** Must be above the mirror's. */
  epoch: tokenFields.epoch,
  nonce: tokenFields.nonce,
  /**
   * Let a mirror follow another lineage from now on; its high-water mark, position and last run are
   * forgotten.
   */
  takeOver: v.boolean(),
};
export type BeginRuns = ObjectType<typeof beginRunsFields>;
/** The same for one mirror. */
export type BeginRun = Omit<BeginRuns, "tables"> & { table: string };

/** `rotateFence`: compare and set. Repeating it is a success. */
export const rotateFenceFields = {
  ...tokenFields,
  /** Above `fence`. */
  nextFence: v.int64(),
};
export type RotateFence = ObjectType<typeof rotateFenceFields>;

/** What `beginRuns` and `finishRuns` answer for each mirror: its rows; or why it was refused, and then nothing of it was written. */
export const runResult = v.object({
  table: v.string(),
  rows: v.number(),
  refused: v.union(v.null(), v.object({ code: v.string(), message: v.string() })),
});
export type RunResult = Infer<typeof runResult>;
export const runResults = v.object({ results: v.array(runResult) });

export const lastRun = v.object({
  mode: v.union(v.literal("delta"), v.literal("full"), v.literal("deep")),
  outcome: v.union(v.literal("done"), v.literal("failed")),
  finishedAt: v.string(),
  read: v.number(),
  inserted: v.number(),
  updated: v.number(),
  unchanged: v.number(),
  deleted: v.number(),
  rejected: v.number(),
});
export type LastRun = Infer<typeof lastRun>;

/** The end of one mirror's run. */
export const runEnd = v.object({
  table: tokenFields.table,
  /**
   * The fence, as the run has left it. Null for a run that had nothing to do and was never begun here: it ends at once,
   * where the mirror is still as the handshake found it.
   */
  fence: v.union(v.null(), tokenFields.fence),
  /** The nonce that the handshake found, for such a run. */
  priorNonce: v.union(v.null(), v.string()),
  /** What both sides will know the finished run by. */
  nextNonce: v.string(),
  highWaterMark: v.union(v.null(), v.string()),
  position: v.union(v.null(), v.string()),
  /** The rows as a comparison has counted them, where the mirror's own counts are found to be wrong. */
  rows: v.optional(v.number()),
  lastRun,
});
export type RunEnd = Infer<typeof runEnd>;

/** `finishRuns`: renews the nonces and ends the runs, each by itself. Repeating it is a success. */
export const finishRunsFields = {
  lineage: v.string(),
  epoch: tokenFields.epoch,
  nonce: tokenFields.nonce,
  ends: v.array(runEnd),
};
export type FinishRuns = ObjectType<typeof finishRunsFields>;
