import { v, type Infer } from "convex/values";

/*
 * The part of the protocol that reads what a mirror holds, page by page: for comparisons and deep runs. The bounds of
 * the arguments are the LIMITS of protocol.ts.
 */

/**
 * `listLedger`: entries whose key is above `after`, in the order of the keys' UTF-8 bytes, at most `limit`.
 */
export const listLedgerFields = {
  table: v.string(),
  after: v.union(v.null(), v.string()),
  limit: v.number(),
};

/** A page of (key, hash). It may hold fewer than `limit` entries before the end: go by `done`. */
export const ledgerPage = v.object({
  entries: v.array(v.object({ key: v.string(), hash: v.string() })),
  /** True: no entry follows the last one. False: there may be more. */
  done: v.boolean(),
});
export type LedgerPage = Infer<typeof ledgerPage>;

/**
 * `listDocuments`: `cursor` is null at first, then that of the page before; the page ends after `maxBytes` or
 * `limit`.
 */
export const listDocumentsFields = {
  table: v.string(),
  cursor: v.union(v.null(), v.string()),
  /** At least one document is returned, however large. */
  maxBytes: v.number(),
  limit: v.number(),
};

/** A page of documents in the order of their creation, each with what the ledger says of it. */
export const documentPage = v.object({
  entries: v.array(
    v.object({
      id: v.string(),
      /** Null: the ledger does not know this document. */
      ledger: v.union(v.null(), v.object({ key: v.string(), hash: v.string() })),
      /** Without `_id` and `_creationTime`. */
      document: v.record(v.string(), v.any()),
    }),
  ),
  cursor: v.union(v.null(), v.string()),
  done: v.boolean(),
});
export type DocumentPage = Infer<typeof documentPage>;

/** `listMissing`: looks at up to `limit` ledger entries whose key is above `after`. */
export const listMissingFields = listLedgerFields;

/** Keys of a page of the ledger whose documents are gone. */
export const missingPage = v.object({
  missing: v.array(v.string()),
  /** Where to go on: the last key looked at, or null when the ledger ended. */
  after: v.union(v.null(), v.string()),
});
export type MissingPage = Infer<typeof missingPage>;

/** `lookupKeys`: what the ledger holds of these keys. At most `LIMITS.lookupKeys`. */
export const lookupKeysFields = {
  table: v.string(),
  keys: v.array(v.string()),
};

/** `readDocuments`: the documents of these keys, as far as they fit into a transaction. At most `LIMITS.lookupKeys`. */
export const readDocumentsFields = lookupKeysFields;

/** Of the first `covered` keys, those that the ledger holds. */
export const documentsRead = v.object({
  found: v.array(
    v.object({
      key: v.string(),
      hash: v.string(),
      /** Without `_id` and `_creationTime`; null: the document is gone. */
      document: v.union(v.null(), v.record(v.string(), v.any())),
    }),
  ),
  /** How many of the keys are answered: at least one. */
  covered: v.number(),
});
export type DocumentsRead = Infer<typeof documentsRead>;

/** Those that it holds, in the order they were asked for. */
export const lookupResult = v.object({ present: v.array(v.object({ key: v.string(), hash: v.string() })) });
export type LookupResult = Infer<typeof lookupResult>;
