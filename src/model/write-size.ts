import type { Value } from "convex/values";

/**
 * What a commit counts against a deployment's write throughput: bytes of its entries in the log of documents and in
 * every index, `by_id` and `by_creation_time` among them. Bills count otherwise.
 *
 * Source: get-convex/convex-backend, August 2026 (94a42c3). crates/database/src/committer.rs adds up
 * `DocumentLogEntry::size` and `PersistenceIndexEntry::size` of crates/common/src/persistence.rs; which index entries
 * there are is said by `index_updates` of crates/indexing/src/index_registry.rs.
 */

/** A timestamp, `Timestamp::size`. */
const TIMESTAMP = 8;
/** `InternalDocumentId::size`: 17 bytes of its table and 16 of its own. */
const DOCUMENT_ID = 17 + 16;
/** `IndexId::size`. */
const INDEX_ID = 16;

/** Entry of a document in the log, beside the document itself. A deletion has no document. */
export const DOCUMENT_ENTRY_BYTES = TIMESTAMP + DOCUMENT_ID;
/** What is replaced or deleted is named by its timestamp. */
export const PREVIOUS_BYTES = TIMESTAMP;
/** Entry in an index, beside its key. */
export const INDEX_ENTRY_BYTES = TIMESTAMP + INDEX_ID + DOCUMENT_ID;
/** The same for a key that is no longer there: of a deleted document, or one that has another key now. */
export const TOMBSTONE_BYTES = TIMESTAMP + INDEX_ID;

/** `_id` in a key: 32 characters, with what every string has. Every key ends with it. */
const ID_KEY_BYTES = 32 + 2;
/** `_creationTime` in a key: every index but `by_id` has it before the id. */
const CREATION_TIME_KEY_BYTES = 1 + 8;

/** Bytes of an index key, from the values of the index's own fields (none: `by_creation_time`). */
export function indexKeyBytes(values: readonly (Value | undefined)[]): number {
  return values.reduce<number>(
    (sum, value) => sum + sortKeyBytes(value),
    CREATION_TIME_KEY_BYTES + ID_KEY_BYTES,
  );
}

/** Keys of a document in the two indexes that each table has. */
export const SYSTEM_KEYS_BYTES: readonly number[] = [ID_KEY_BYTES, indexKeyBytes([])];

/** Bytes of a value in an index key: `write_sort_key` of crates/value/src/sorting.rs. */
export function sortKeyBytes(value: Value | undefined): number {
  if (value === undefined || value === null || typeof value === "boolean") return 1;
  if (typeof value === "string") return 2 + Buffer.byteLength(value) + countNulls(value);
  if (typeof value === "number") return 9;
  if (typeof value === "bigint") return integerBytes(value);
  if (value instanceof ArrayBuffer) return 2 + value.byteLength + new Uint8Array(value).filter(isNull).length;
  if (Array.isArray(value)) {
    let bytes = 2;
    for (const item of value) bytes += sortKeyBytes(item);
    return bytes;
  }
  let bytes = 2;
  for (const [name, field] of Object.entries(value)) {
    // A name ends with a byte; an empty one has one more, to be told from the object's end.
    bytes += Math.max(name.length + 1, 2) + sortKeyBytes(field as Value | undefined);
  }
  return bytes;
}

/** A byte 0 within a string is written as two. */
const countNulls = (text: string): number => (text.includes("\0") ? text.split("\0").length - 1 : 0);

const isNull = (byte: number): boolean => byte === 0;

/** A tag that says the length, and as many of 1, 2, 4 or 8 bytes as the number needs. */
function integerBytes(value: bigint): number {
  if (value === 0n) return 1;
  for (const bytes of [1, 2, 4]) if (BigInt.asIntN(8 * bytes, value) === value) return 1 + bytes;
  return 1 + 8;
}
