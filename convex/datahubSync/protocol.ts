import { v, type Infer, type ObjectType } from "convex/values";

/**
 * What the command line and the deployed functions say to each other. Both sides import this file, so it
 * imports nothing but `convex/values`. Raise PROTOCOL_VERSION when a deployed older version could
 * misunderstand a newer command line: the handshake then stops the run before anything moves.
 */
export const PROTOCOL_VERSION = 4;

/**
 * The module's name in a deployment: `convex/datahubSync.ts`, re-exported under the same name by other apps.
 */
export const MODULE_NAME = "datahubSync";

/** Codes of the ConvexErrors that the functions throw; production redacts every other message. */
export type SyncFunctionErrorCode =
  /** CONVEX_SYNC_AUTH_KEY is not set in the deployment's environment, or too short to be a secret. */
  | "SYNC_KEY_UNSET"
  /** The caller's key is not the deployment's. */
  | "WRONG_SYNC_KEY"
  /** The table is not among the mirrored tables of this deployment. */
  | "UNKNOWN_TABLE"
  /** The mirror belongs to another source, and the caller did not say `takeOver`. */
  | "LINEAGE_MISMATCH"
  /** `beginRuns` with an epoch that is not above the mirror's. */
  | "EPOCH_BEHIND"
  /** A write with an (epoch, nonce, fence) that is not exactly the mirror's: another run has begun. */
  | "STALE_TOKEN"
  /**
   * A row of the batch could not be written; nothing of the batch was. Its data names the row by `key`, or
   * `orphan` (an id), says a `reason`, and carries no row value. The batch as a whole may be at fault (a
   * limit of the transaction): halve it before a row is set aside.
   */
  | "ROW_FAILED"
  /** The arguments contradict the protocol (a batch too large, a limit out of range, …). */
  | "BAD_REQUEST";

export interface SyncFunctionErrorData {
  [field: string]: string;
  code: SyncFunctionErrorCode;
  message: string;
}

/**
 * Bounds of the arguments; outside them a call ends in BAD_REQUEST. Derived from Convex's limits of a
 * transaction.
 */
export const LIMITS = {
  /** Slots 0 to 63. Every handshake reads them all. */
  slots: 64,
  /** Upserts, deletions and orphans together: up to 4 of a transaction's 4,096 index ranges each. */
  batchRows: 1_000,
  /** `limit` of `listLedger`: below the 8,192 items that an array may have. */
  ledgerPageRows: 8_000,
  /** `limit` of `listDocuments` and `listMissing`: one index range each, of 4,096. */
  documentPageRows: 4_000,
  /**
   * `maxBytes` of `listDocuments`: with the last document over it and the ledger entries below 16 MiB read.
   */
  documentPageBytes: 6 * 1024 * 1024,
  /** Keys of one `lookupKeys`: one index range each, of 4,096. */
  lookupKeys: 1_000,
  /** Mirrors of one `handshake`, `beginRuns` or `finishRuns`: at most 6 of a transaction's 4,096 index ranges each. */
  mirrors: 500,
} as const;

/**
 * What Convex bills for a call, in bytes: whole documents, the index keys that led to them, and those they are written to.
 * Every result has it as `used`; null where the backend does not tell. A call that is refused has no result.
 */
export const usage = v.union(v.null(), v.object({ read: v.number(), written: v.number() }));
export type Usage = Infer<typeof usage>;

/**
 * The fencing token: every write carries it, and is refused unless it is exactly the mirror's (invariant 5).
 */
export const tokenFields = {
  table: v.string(),
  /** Rises with every run; the number of the lease in Postgres. */
  epoch: v.int64(),
  /** The run's random name. */
  nonce: v.string(),
  /**
   * Rises within a run after every call whose outcome stayed unknown, so that a late duplicate of that call
   * is refused when it arrives at last.
   */
  fence: v.int64(),
};

export const upsert = v.object({
  /** The row's canonical key text. */
  key: v.string(),
  /** Content hash, computed by Postgres in the statement that read the row. */
  hash: v.string(),
  /** The mirrored columns. Its shape is the schema's to check, table by table: any is right here. */
  document: v.record(v.string(), v.any()),
});
export type Upsert = Infer<typeof upsert>;

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

/**
 * `applyBatch`: all of it or nothing, and repeating it is harmless. A key stands at most once in `upserts`
 * and `deletions` together.
 */
export const batchFields = {
  ...tokenFields,
  /**
   * Which of the run's senders this is (0 to 63): each keeps a row count of its own, so batches don't
   * conflict.
   */
  slot: v.number(),
  upserts: v.array(upsert),
  /** Keys whose document and ledger entry are to go. Deleting what is gone is nothing. */
  deletions: v.array(v.string()),
  /**
   * Ids of documents of the table that the ledger does not know (deep runs only). Skipped if it knows them.
   */
  orphans: v.array(v.string()),
  /**
   * Write the documents even where the ledger's hash is equal (deep runs: the document was edited by hand).
   */
  force: v.boolean(),
};
export type Batch = ObjectType<typeof batchFields>;

export const batchResult = v.object({
  /** New rows, and rows whose document was gone. */
  inserted: v.number(),
  updated: v.number(),
  unchanged: v.number(),
  deleted: v.number(),
  /** Deletions of keys that the ledger does not hold, and orphans that were gone. */
  absent: v.number(),
});
export type BatchResult = Infer<typeof batchResult>;

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
