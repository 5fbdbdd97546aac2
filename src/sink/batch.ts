import type { Value } from "convex/values";
import type { Upsert } from "../../convex/datahubSyncProtocol.js";

/** A row to be mirrored, encoded and small enough for a document. */
export interface OutgoingRow {
  /** The row's canonical key text. */
  key: string;
  /** Content hash, from the statement that read the row (invariant 13). */
  hash: string;
  document: Record<string, Value>;
  /** The document's size as Convex counts it. */
  bytes: number;
}

/** One thing that a batch does. An operation's `id` is what may be under way only once at a time. */
export type Operation =
  | { kind: "upsert"; id: string; bytes: number; row: Upsert }
  | { kind: "deletion"; id: string; bytes: number; key: string }
  | { kind: "orphan"; id: string; bytes: number; document: string };

/** Operations with distinct ids, written in one transaction. */
export type Batch = readonly Operation[];

/**
 * What Convex writes beside a document, estimated: the ledger entry with its table, hash, document id and system
 * fields, and the entries of the ledger's and the mirrored table's indexes. The key stands in the ledger entry
 * and in its index. An estimate, for pacing and for cutting batches; no limit hangs on its last byte.
 */
const LEDGER_BYTES = 512;
const keyBytes = (key: string) => 2 * Buffer.byteLength(key);

export function upsertOf({ key, hash, document, bytes }: OutgoingRow): Operation {
  const written = bytes + LEDGER_BYTES + keyBytes(key);
  return { kind: "upsert", id: `key:${key}`, bytes: written, row: { key, hash, document } };
}

export function deletionOf(key: string): Operation {
  return { kind: "deletion", id: `key:${key}`, bytes: LEDGER_BYTES + keyBytes(key), key };
}

export function orphanOf(document: string): Operation {
  return { kind: "orphan", id: `document:${document}`, bytes: LEDGER_BYTES, document };
}

export function sumBytes(batch: Batch): number {
  return batch.reduce((sum, operation) => sum + operation.bytes, 0);
}

export function halve(batch: Batch): [Batch, Batch] {
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}

/** The batch as `applyBatch` takes it. */
export function contentOf(batch: Batch): { upserts: Upsert[]; deletions: string[]; orphans: string[] } {
  const content = { upserts: [] as Upsert[], deletions: [] as string[], orphans: [] as string[] };
  for (const operation of batch) {
    if (operation.kind === "upsert") content.upserts.push(operation.row);
    else if (operation.kind === "deletion") content.deletions.push(operation.key);
    else content.orphans.push(operation.document);
  }
  return content;
}

/** Collects operations into batches that are cut by bytes as well as by count. */
export class BatchBuilder {
  #operations: Operation[] = [];
  #bytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly maxRows: number,
  ) {}

  /** Whether the operation fits into the batch so far. An empty one takes any: a row above the limit goes alone. */
  fits(operation: Operation): boolean {
    return this.#operations.length === 0 || this.#bytes + operation.bytes <= this.maxBytes;
  }

  add(operation: Operation): void {
    this.#operations.push(operation);
    this.#bytes += operation.bytes;
  }

  get isFull(): boolean {
    return this.#operations.length >= this.maxRows;
  }

  /** The batch so far, or null if there is nothing in it. A new one begins. */
  cut(): Batch | null {
    if (this.#operations.length === 0) return null;
    const batch = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    return batch;
  }
}
