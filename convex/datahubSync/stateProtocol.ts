import { v, type Infer, type ObjectType } from "convex/values";
import { lastRun } from "./runProtocol.js";

/* The part of the protocol that tells what a deployment knows of its mirrors. */

/**
 * One document per mirror: what an app reads to show how fresh its data is. Written at a run's start and end.
 */
export const mirrorStateFields = {
  table: v.string(),
  /** The source's lasting identity; see `beginRuns`. */
  lineage: v.string(),
  epoch: v.int64(),
  nonce: v.string(),
  fence: v.int64(),
  /** A run has begun and not ended: it is going on, or it crashed. */
  running: v.boolean(),
  /**
   * Everything that had committed in Postgres at this time is in the mirror, but for rows that are set aside and rows
   * that changed again while the run went on: those come with the next. ISO 8601, UTC.
   */
  highWaterMark: v.union(v.null(), v.string()),
  /** The watermark itself, a `pg_snapshot` as text. */
  position: v.union(v.null(), v.string()),
  /** Rows in the mirror when the last run ended. */
  rows: v.number(),
  lastRun: v.union(v.null(), lastRun),
};
export const mirrorState = v.object(mirrorStateFields);
export type MirrorState = Infer<typeof mirrorState>;

export const handshakeFields = {
  tables: v.array(v.string()),
  /** The place among them from which on documents are sampled: what is left out this time is to be seen another time. */
  sampleFrom: v.number(),
};
export type Handshake = ObjectType<typeof handshakeFields>;

export const mirrorHandshake = v.object({
  table: v.string(),
  /** Whether this deployment's schema and functions mirror a table of this name. */
  deployed: v.boolean(),
  /** The fields that the deployed schema names for it, or null when it has no schema for it. */
  fields: v.union(v.null(), v.array(v.string())),
  /** The fields of each of its indexes: Convex counts every index against its write throughput. */
  indexes: v.array(v.array(v.string())),
  state: v.union(v.null(), mirrorState),
  /** Rows in the mirror, counted in the transactions that wrote them. */
  rows: v.number(),
  /**
   * One ledger entry looked up, and whether its document exists: notices a table wiped behind our back. `unread`: there is
   * an entry, and its document was left to the next handshake, since those of others were large.
   */
  ledgerSample: v.union(v.literal("empty"), v.literal("present"), v.literal("missing"), v.literal("unread")),
  /**
   * Whether the table holds any document at all (an empty ledger beside a table with documents: strangers).
   */
  tableEmpty: v.boolean(),
});
export type MirrorHandshake = Infer<typeof mirrorHandshake>;

export const handshakeResult = v.object({ protocol: v.number(), mirrors: v.array(mirrorHandshake) });
export type HandshakeResult = Infer<typeof handshakeResult>;
