import { getDocumentSize } from "convex/values";
import { keyBytes } from "../../convex/datahubSync/indexKeys.js";
import type { MirrorState } from "../../convex/datahubSync/stateProtocol.js";
import { LEDGER_INDEXES, ledgerEntry } from "./ledger-entry.js";
import type { Indexes } from "./write-estimate.js";

/**
 * Database I/O of Convex as it is billed: whole documents, and keys in the indexes that a schema defines. `by_id` and
 * `by_creation_time` are not billed, and a deletion writes nothing. What counts against the write throughput is another
 * sum: see write-size.ts.
 */
export interface DatabaseIo {
  bytesRead: number;
  bytesWritten: number;
}

export const noIo = (): DatabaseIo => ({ bytesRead: 0, bytesWritten: 0 });

/** An entry of the ledger: the document, and its keys in the two indexes of that table. */
export interface LedgerBytes {
  document: number;
  byKey: number;
  byDocument: number;
}

export function ledgerBytes(key: string, hash: string): LedgerBytes {
  const entry = ledgerEntry(key, hash);
  return {
    document: getDocumentSize(entry),
    byKey: keyBytes(LEDGER_INDEXES.by_key, entry),
    byDocument: keyBytes(LEDGER_INDEXES.by_document, entry),
  };
}

/** A document that is found by an index, which is read with its key and written with it. */
export interface StateBytes {
  document: number;
  key: number;
}

/** As a first run begins it; the texts are as long as they usually are. */
const BEGUN: Omit<MirrorState, "table"> = {
  lineage: "0".repeat(64),
  epoch: 1n,
  nonce: "0".repeat(36),
  fence: 0n,
  running: true,
  rows: 0,
  highWaterMark: null,
  position: null,
  lastRun: null,
};

/** As a run ends it. */
const ENDED: Partial<MirrorState> = {
  highWaterMark: "2026-01-01T00:00:00.000000Z",
  position: "1000:1000:",
  lastRun: {
    mode: "delta",
    outcome: "done",
    finishedAt: "2026-01-01T00:00:00.000Z",
    read: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    rejected: 0,
  },
};

/** The document that says how a mirror's runs stand. Null: there was none before this run. */
export function stateBytes(table: string, state: MirrorState | null): StateBytes {
  return { document: getDocumentSize(state ?? { table, ...BEGUN }), key: keyBytes(["table"], { table }) };
}

/** The same as the end of a run leaves it. */
export function endedStateBytes(table: string): StateBytes {
  return stateBytes(table, { table, ...BEGUN, ...ENDED });
}

/** The count of a sender's slot. */
export function countBytes(table: string): StateBytes {
  const count = { table, slot: 0, rows: 0 };
  return { document: getDocumentSize(count), key: keyBytes(["table", "slot"], count) };
}

/** The keys of a document in the indexes of its table. */
export function keysOf(document: object, indexes: Indexes): number {
  return indexes.reduce((sum, fields) => sum + keyBytes(fields, document), 0);
}
