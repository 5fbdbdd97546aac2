import { v, type Infer, type ObjectType } from "convex/values";
import { tokenFields } from "./protocol.js";

/* The part of the protocol that writes rows. */

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

/** `adoptDocuments`: documents that somebody else wrote become the mirror's. Repeating it is harmless. */
export const adoptFields = {
  ...tokenFields,
  slot: v.number(),
  entries: v.array(
    v.object({
      /** Of the document. */
      id: v.string(),
      key: v.string(),
      /** Of the row's content, where the document is equal to it; another text, where it is not: the run sends the row then. */
      hash: v.string(),
    }),
  ),
};
export type Adoption = ObjectType<typeof adoptFields>;

/** What is gone, is the mirror's already, or has a key that another document has, is left as it is. */
export const adoptResult = v.object({ adopted: v.number() });
export type AdoptResult = Infer<typeof adoptResult>;
