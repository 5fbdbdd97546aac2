import { getDocumentSize } from "convex/values";
import { LEDGER_INDEXES, ledgerEntry } from "./ledger-entry.js";

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

/** 128 bits in base64 without padding. */
const HASH = "0".repeat(22);
const EMPTY_ENTRY_BYTES = getDocumentSize(ledgerEntry("", HASH));

/** Convex's documentation and its bill count each index of a schema as another copy of what it indexes. */
export function estimateStorage({ rows, documentBytes, keyBytes, indexes }: StoredMirror): StorageEstimate {
  const documents = rows * documentBytes;
  const entries = rows * (EMPTY_ENTRY_BYTES + keyBytes);
  return {
    documents: Math.round(documents),
    ledger: Math.round(entries),
    indexes: Math.round(documents * indexes + entries * Object.keys(LEDGER_INDEXES).length),
  };
}

/** What a comparison reads of the ledger: each entry, and the key that it is found by. */
export function ledgerReadBytes(rows: number, keyBytes: number): number {
  return Math.round(rows * (EMPTY_ENTRY_BYTES + keyBytes + BY_KEY_BYTES + keyBytes));
}

/** What is written to the ledger for new rows: each entry, and its keys in the two indexes. */
export function ledgerWrittenBytes(rows: number, keyBytes: number): number {
  return ledgerReadBytes(rows, keyBytes) + rows * BY_DOCUMENT_BYTES;
}

const ID_BYTES = 2 + 32;
/** What every index key ends with: `_creationTime` and `_id`. */
const END_BYTES = 9 + ID_BYTES;
/** Beside the key's text: the mirror's number, and what every text has. */
const BY_KEY_BYTES = 9 + 2 + END_BYTES;
const BY_DOCUMENT_BYTES = ID_BYTES + END_BYTES;
