import { getConvexSize, getDocumentSize, type Value } from "convex/values";
import type { MirrorState } from "../../convex/datahubSyncProtocol.js";

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

const ID = "0".repeat(32);

/** Every key ends with the document's creation time and id. */
const KEY_END_BYTES = getConvexSize(0) + getConvexSize(ID);

/** A document's key in an index, from the values of the index's own fields. */
export function billedKeyBytes(values: readonly (Value | undefined)[]): number {
  return values.reduce<number>(
    (sum, value) => sum + (value === undefined ? 1 : getConvexSize(value)),
    KEY_END_BYTES,
  );
}

/** An entry of the ledger: the document, and its keys in the two indexes of that table. */
export interface LedgerBytes {
  document: number;
  byKey: number;
  byDocument: number;
}

const LEDGER_BY_DOCUMENT = billedKeyBytes([ID]);

export function ledgerBytes(key: string, hash: string): LedgerBytes {
  return {
    document: getDocumentSize({ m: 0, k: key, h: hash, d: ID }),
    byKey: billedKeyBytes([0, key]),
    byDocument: LEDGER_BY_DOCUMENT,
  };
}

/** A document that is found by an index, which is read with its key and written with it. */
export interface StateBytes {
  document: number;
  key: number;
}

/** As a first run begins it; the texts are as long as they usually are. */
const BEGUN: Omit<MirrorState, "table"> = {
  ...{ lineage: "0".repeat(64), epoch: 1n, nonce: "0".repeat(36), fence: 0n, running: true, rows: 0 },
  ...{ highWaterMark: null, position: null, lastRun: null },
};

/** As a run ends it. */
const ENDED: Partial<MirrorState> = {
  ...{ highWaterMark: "2026-01-01T00:00:00.000000Z", position: "1000:1000:" },
  lastRun: {
    ...{ mode: "delta", outcome: "done", finishedAt: "2026-01-01T00:00:00.000Z" },
    ...{ read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, rejected: 0 },
  },
};

/** The document that says how a mirror's runs stand. Null: there was none before this run. */
export function stateBytes(table: string, state: MirrorState | null): StateBytes {
  return { document: getDocumentSize(state ?? { table, ...BEGUN }), key: billedKeyBytes([table]) };
}

/** The same as the end of a run leaves it. */
export function endedStateBytes(table: string): StateBytes {
  return stateBytes(table, { table, ...BEGUN, ...ENDED });
}

/** The count of a sender's slot. */
export function countBytes(table: string): StateBytes {
  return { document: getDocumentSize({ table, slot: 0, rows: 0 }), key: billedKeyBytes([table, 0]) };
}

/** The keys of a document in the indexes of its table. */
export function keysOf(
  document: Readonly<Record<string, Value | undefined>>,
  indexes: readonly (readonly string[])[],
): number {
  return indexes.reduce(
    (sum, fields) => sum + billedKeyBytes(fields.map((path) => valueAt(document, path))),
    0,
  );
}

/** A path such as "address.city" leads into nested objects. */
export function valueAt(
  document: Readonly<Record<string, Value | undefined>>,
  path: string,
): Value | undefined {
  if (Object.hasOwn(document, path)) return document[path];
  const [name, ...rest] = path.split(".") as [string, ...string[]];
  const value = document[name];
  if (rest.length === 0 || typeof value !== "object" || value === null) return undefined;
  return valueAt(value as Record<string, Value>, rest.join("."));
}
