import { v, type Infer } from "convex/values";

/*
 * What the command line and the deployed functions say to each other. Here is what holds for every call; what each
 * takes and gives stands in stateProtocol.ts, runProtocol.ts, batchProtocol.ts and pageProtocol.ts. Both sides import
 * these files, so they import nothing but each other and `convex/values`.
 */

/**
 * Raise it when a deployed older version could misunderstand a newer command line: the handshake then stops the run
 * before anything moves.
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
