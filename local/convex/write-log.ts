import {
  DOCUMENT_ENTRY_BYTES,
  INDEX_ENTRY_BYTES,
  PREVIOUS_BYTES,
  TOMBSTONE_BYTES,
} from "../../src/model/write-size.js";
import { compareKeys } from "./order.js";
import type { IndexDefinition } from "./schema.js";
import type { Write } from "./store.js";

/** Bytes that a write adds to the log of documents and to all indexes of its table. */
export function logBytes({ before, after }: Write, indexes: readonly IndexDefinition[]): number {
  if (before === after) return 0;
  let bytes = DOCUMENT_ENTRY_BYTES + (after?.bytes ?? 0) + (before === undefined ? 0 : PREVIOUS_BYTES);
  for (const index of indexes) {
    const stays = before && after && compareKeys(before.keyIn(index), after.keyIn(index)) === 0;
    if (before && !stays) bytes += TOMBSTONE_BYTES + before.storedKeyBytes(index);
    // The id stays, and is written again all the same.
    if (after) bytes += INDEX_ENTRY_BYTES + after.storedKeyBytes(index);
  }
  return bytes;
}
