import { getDocumentSize, type Value } from "convex/values";
import { valueAt } from "../../convex/datahubSync/indexKeys.js";
import {
  DOCUMENT_ENTRY_BYTES,
  INDEX_ENTRY_BYTES,
  indexKeyBytes,
  PREVIOUS_BYTES,
  SYSTEM_KEYS_BYTES,
  TOMBSTONE_BYTES,
} from "../model/write-size.js";
import type { OutgoingRow } from "./outgoing-row.js";
import { LEDGER_INDEXES, ledgerEntry } from "./ledger-entry.js";

/** The fields of each index of a table. */
export type Indexes = readonly (readonly string[])[];

/** An indexed value of a document that is to be deleted is not known: it is taken to be a text of this length. */
const ASSUMED_VALUE = "x".repeat(32);

/**
 * What Convex counts against its write throughput for one operation on a mirror, with the ledger's part. An upper
 * estimate: a row whose content Convex already holds writes nothing. Only the tombstones of index keys that an update
 * changes are not in it, since the old values are not known; see the pacer's share.
 */
export class WriteEstimate {
  constructor(
    /** Of the mirrored table, as deployed. */
    private readonly indexes: Indexes,
  ) {}

  upsert({ key, hash, bytes, indexed = {} }: OutgoingRow): number {
    const entry = ledgerEntry(key, hash);
    return (
      writtenBytes(bytes, keysOf(indexed, this.indexes)) +
      writtenBytes(getDocumentSize(entry), keysOf(entry, Object.values(LEDGER_INDEXES)))
    );
  }

  deletion(key: string): number {
    const entry = ledgerEntry(key, "");
    return this.orphan() + deletedBytes(keysOf(entry, Object.values(LEDGER_INDEXES)));
  }

  /** A document that has no ledger entry. */
  orphan(): number {
    return deletedBytes(this.indexes.map((fields) => indexKeyBytes(fields.map(() => ASSUMED_VALUE))));
  }
}

/** It may replace a document. */
function writtenBytes(documentBytes: number, keys: readonly number[]): number {
  const entries = [...SYSTEM_KEYS_BYTES, ...keys].map((key) => INDEX_ENTRY_BYTES + key);
  return DOCUMENT_ENTRY_BYTES + PREVIOUS_BYTES + documentBytes + sum(entries);
}

function deletedBytes(keys: readonly number[]): number {
  const tombstones = [...SYSTEM_KEYS_BYTES, ...keys].map((key) => TOMBSTONE_BYTES + key);
  return DOCUMENT_ENTRY_BYTES + PREVIOUS_BYTES + sum(tombstones);
}

function keysOf(document: Record<string, Value | undefined>, indexes: Indexes): number[] {
  return indexes.map((fields) => indexKeyBytes(fields.map((path) => valueAt(document, path))));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
