import { ledgerBytes } from "./io-estimate.js";
import { LEDGER_INDEXES } from "./ledger-entry.js";

/** A mirror, as far as its size matters. */
export interface StoredMirror {
  rows: number;
  /** Mean size of a document as Convex counts it. */
  documentBytes: number;
  /** Mean size of a key's text. */
  keyBytes: number;
  /** Indexes of the mirrored table, as deployed. */
  indexes: number;
}

/** Bytes that Convex bills as stored. */
export interface StorageEstimate {
  documents: number;
  ledger: number;
  indexes: number;
}

/** Of an entry whose key has no letter; the hash is 128 bits in base64 without padding. */
const EMPTY = ledgerBytes("", "0".repeat(22));

/** Convex's documentation and its bill count each index of a schema as another copy of what it indexes. */
export function estimateStorage({ rows, documentBytes, keyBytes, indexes }: StoredMirror): StorageEstimate {
  const documents = rows * documentBytes;
  const entries = rows * (EMPTY.document + keyBytes);
  return {
    documents: Math.round(documents),
    ledger: Math.round(entries),
    indexes: Math.round(documents * indexes + entries * Object.keys(LEDGER_INDEXES).length),
  };
}

/** What a comparison reads of the ledger: each entry, and the key that it is found by. */
export function ledgerReadBytes(rows: number, textBytes: number): number {
  return Math.round(rows * (EMPTY.document + textBytes + EMPTY.byKey + textBytes));
}

/** What is written to the ledger for new rows: each entry, and its keys in the two indexes. */
export function ledgerWrittenBytes(rows: number, textBytes: number): number {
  return ledgerReadBytes(rows, textBytes) + rows * EMPTY.byDocument;
}
