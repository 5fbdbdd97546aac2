import type { Batch as BatchArguments, BatchResult, Upsert } from "../../convex/datahubSync/batchProtocol.js";
import type { BatchSize } from "./batch-size.js";
import type { OutgoingRow } from "./outgoing-row.js";
import type { WriteEstimate } from "./write-estimate.js";

/** A row of a batch, whose document is printed already. */
export type OutgoingUpsert = Omit<Upsert, "document"> & { json: string };

/** The arguments of `applyBatch`, but for the form of the documents. */
export type OutgoingBatch = Omit<BatchArguments, "upserts"> & { upserts: OutgoingUpsert[] };

/**
 * One thing that a batch does. An operation's `id` is what may be under way only once at a time, its `bytes` are what
 * it counts against the plan's write throughput.
 */
export type Operation =
  | { kind: "upsert"; id: string; bytes: number; row: OutgoingUpsert; force: boolean }
  | { kind: "deletion"; id: string; bytes: number; key: string }
  | { kind: "orphan"; id: string; bytes: number; document: string };

/** Operations with distinct ids, written in one transaction. */
export type Batch = readonly Operation[];

export function upsertOf(row: OutgoingRow, estimate: WriteEstimate, force: boolean): Operation {
  const { key, hash, json } = row;
  return { kind: "upsert", id: `key:${key}`, bytes: estimate.upsert(row), row: { key, hash, json }, force };
}

export function deletionOf(key: string, estimate: WriteEstimate): Operation {
  return { kind: "deletion", id: `key:${key}`, bytes: estimate.deletion(key), key };
}

export function orphanOf(document: string, estimate: WriteEstimate): Operation {
  return { kind: "orphan", id: `document:${document}`, bytes: estimate.orphan(), document };
}

export function sumBytes(batch: Batch): number {
  return batch.reduce((sum, operation) => sum + operation.bytes, 0);
}

/** At most what a batch has written: which of its operations changed nothing is not told, only how many. */
export function writtenBytes(batch: Batch, { unchanged, absent }: BatchResult): number {
  const sizes = batch.map(({ bytes }) => bytes).sort((a, b) => b - a);
  return sizes.slice(0, batch.length - unchanged - absent).reduce((sum, bytes) => sum + bytes, 0);
}

export function halve(batch: Batch): [Batch, Batch] {
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
}

/** The batch as `applyBatch` takes it. */
export function contentOf(batch: Batch): Pick<OutgoingBatch, "upserts" | "deletions" | "orphans" | "force"> {
  const content = {
    upserts: [] as OutgoingUpsert[],
    deletions: [] as string[],
    orphans: [] as string[],
    force: batch.some((operation) => operation.kind === "upsert" && operation.force),
  };
  for (const operation of batch) {
    if (operation.kind === "upsert") content.upserts.push(operation.row);
    else if (operation.kind === "deletion") content.deletions.push(operation.key);
    else content.orphans.push(operation.document);
  }
  return content;
}

/** Collects operations into batches that are cut by bytes as well as by count; all upserts of one are forced, or none. */
export class BatchBuilder {
  #operations: Operation[] = [];
  #bytes = 0;
  /** Of the upserts in it; null while there is none. */
  #force: boolean | null = null;

  constructor(private readonly size: BatchSize) {}

  /** Whether the operation fits into the batch so far. An empty one takes any: a row above the limit goes alone. */
  fits(operation: Operation): boolean {
    if (this.#operations.length === 0) return true;
    const isOtherwise =
      operation.kind === "upsert" && this.#force !== null && operation.force !== this.#force;
    return !isOtherwise && this.#bytes + operation.bytes <= this.size.bytes;
  }

  add(operation: Operation): void {
    this.#operations.push(operation);
    this.#bytes += operation.bytes;
    if (operation.kind === "upsert") this.#force = operation.force;
  }

  get isFull(): boolean {
    return this.#operations.length >= this.size.rows;
  }

  /** The batch so far, or null if there is nothing in it. A new one begins. */
  cut(): Batch | null {
    if (this.#operations.length === 0) return null;
    const batch = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    this.#force = null;
    return batch;
  }
}

/** The upserts as JSON in Convex's encoding: what the call's arguments hold in their place. */
export function printUpserts(upserts: readonly OutgoingUpsert[]): string {
  const printed = upserts.map(
    ({ key, hash, json }) =>
      `{"key":${JSON.stringify(key)},"hash":${JSON.stringify(hash)},"document":${json}}`,
  );
  return `[${printed.join(",")}]`;
}
