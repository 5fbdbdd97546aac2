import type { BatchResult } from "../../convex/datahubSync/batchProtocol.js";
import { LIMITS } from "../../convex/datahubSync/protocol.js";
import {
  BatchBuilder,
  deletionOf,
  halve,
  orphanOf,
  sumBytes,
  upsertOf,
  type Batch,
  type Operation,
} from "./batch.js";
import { BatchSize } from "./batch-size.js";
import type { RunToken } from "./convex-sink.js";
import type { ConvexCallError } from "./convex-call-error.js";
import { FencedCalls, type FencedCallsOptions } from "./fenced-calls.js";
import type { OutgoingRow } from "./outgoing-row.js";
import { decide, isTooMuch } from "./retry-policy.js";
import { interruption } from "./with-retries.js";
import { WriteEstimate, type Indexes } from "./write-estimate.js";

/** Why a row is set aside. Never carries a value of the row. */
export interface RowRefusal {
  code: string;
  message: string;
}

export interface BatchSenderOptions extends FencedCallsOptions {
  /**
   * Bytes of a batch, the sync's own writes included as an estimate. Default 1 MiB, at most 2: a body in JSON
   * can be seven times as long (escaped control characters are six, `false, ` is one byte), and Convex takes 16 MiB.
   */
  maxBatchBytes?: number;
  /** Operations of a batch. Default 400: at most 4 index ranges each, of the 4,096 of a transaction. */
  maxBatchRows?: number;
  /** Of the mirrored table, as deployed: each counts against the write throughput. */
  indexes?: Indexes;
  /**
   * Sets a row aside that Convex refused, alone in its batch. The row counts as settled once this resolves; where it
   * rejects, the sender stops.
   */
  onRowRefused: (key: string, reason: RowRefusal) => Promise<void>;
  /** Told the keys that were acknowledged or set aside. */
  onSettled?: (keys: string[]) => void;
  /** Stops the sender: nothing new is sent, and what is in flight is let finish. */
  signal?: AbortSignal | undefined;
}

export interface SendCounts extends BatchResult {
  /** Rows that Convex refused. */
  refused: number;
}

const DEFAULT_BATCH_BYTES = 1024 * 1024;
const LARGEST_BATCH_BYTES = 2 * DEFAULT_BATCH_BYTES;

/**
 * Sends one mirror's changes in batches, several at a time. What it promises:
 * - Order. A key is in at most one unsettled batch, so what was handed over last is what Convex holds last.
 *   Different keys are written in no particular order.
 * - Late duplicates change nothing; see FencedCalls.
 * - Bounds. At most `maxInFlight` batches are in flight, as many prepared, and one is being filled.
 * - A refused batch is cut in half, down to the single row that is at fault; that one is set aside.
 * - End. Once any method has rejected, nothing of this sender is under way any more.
 *
 * Hand rows over one after the other: call `upsert`, `remove`, … when the call before has resolved.
 */
export class BatchSender {
  /** As it has turned out so far. */
  readonly batchSize: BatchSize;
  /**
   * What Convex said of the operations. One whose first call was applied unheard counts by the answer to its
   * repetition: as unchanged, or absent.
   */
  readonly counts: SendCounts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0, refused: 0 };
  readonly #options: BatchSenderOptions;
  readonly #calls: FencedCalls;
  readonly #estimate: WriteEstimate;
  readonly #builder: BatchBuilder;
  /** Ids of operations handed over and not settled. */
  readonly #unsettled = new Set<string>();
  /** Batches cut and not settled. These promises never reject. */
  readonly #deliveries = new Set<Promise<void>>();
  #failure: Error | null = null;

  constructor(options: BatchSenderOptions) {
    const { maxBatchBytes = DEFAULT_BATCH_BYTES, maxBatchRows = 400, pacer } = options;
    this.#options = options;
    this.#calls = new FencedCalls(options);
    this.#estimate = new WriteEstimate(options.indexes ?? []);
    this.batchSize = new BatchSize(
      {
        rows: Math.min(maxBatchRows, LIMITS.batchRows),
        bytes: Math.min(maxBatchBytes, LARGEST_BATCH_BYTES),
      },
      () => pacer?.maxWriteBytes ?? Infinity,
    );
    this.#builder = new BatchBuilder(this.batchSize);
  }

  /** The token with the fence as it is now: what `finishRuns` has to carry. */
  get token(): RunToken {
    return this.#calls.token;
  }

  /**
   * Resolves when the row has been taken in; waits while enough is under way.
   * @param force write the document even where the ledger holds the same hash (deep runs)
   */
  upsert(row: OutgoingRow, { force = false }: { force?: boolean } = {}): Promise<void> {
    return this.#handOver(upsertOf(row, this.#estimate, force));
  }

  remove(key: string): Promise<void> {
    return this.#handOver(deletionOf(key, this.#estimate));
  }

  /** Deletes a document that the ledger does not know (deep runs). */
  removeOrphan(documentId: string): Promise<void> {
    return this.#handOver(orphanOf(documentId, this.#estimate));
  }

  /** Resolves when everything handed over is acknowledged or set aside. Rejects with what ended the run. */
  async drain(): Promise<void> {
    this.#dispatch();
    await Promise.all(this.#deliveries);
    await this.#throwFailure();
  }

  /** Ends the sender for a failure of its owner's: nothing new is sent, and what is in flight is let finish. */
  async stop(reason: Error): Promise<void> {
    this.#fail(reason);
    await Promise.all(this.#deliveries);
  }

  /** Raises the fence, with nothing under way: call it when drained. Refused calls are repeated. */
  async raiseFence(): Promise<void> {
    await this.#calls.raiseFence().catch((error: unknown) => this.#fail(error));
    await this.#throwFailure();
  }

  async #handOver(operation: Operation): Promise<void> {
    await this.#throwFailure();
    if (this.#unsettled.has(operation.id)) {
      this.#dispatch();
      while (this.#unsettled.has(operation.id) && this.#failure === null) await this.#nextSettled();
    } else if (!this.#builder.fits(operation)) {
      this.#dispatch();
    }
    this.#unsettled.add(operation.id);
    this.#builder.add(operation);
    if (this.#builder.isFull) this.#dispatch();
    const { budget } = this.#calls;
    while (budget.isFull && this.#failure === null) await budget.nextSettled();
    await this.#throwFailure();
  }

  async #nextSettled(): Promise<void> {
    await Promise.race(this.#deliveries);
  }

  /** Sends what has been collected off. The abort signal is listened to only while something is under way. */
  #dispatch(): void {
    const batch = this.#builder.cut();
    if (batch === null) return;
    if (this.#deliveries.size === 0) this.#options.signal?.addEventListener("abort", this.#onAbort);
    const { budget } = this.#calls;
    budget.batchCut();
    const delivery: Promise<void> = this.#settle(batch)
      .then(() => {})
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#deliveries.delete(delivery);
        budget.batchSettled();
        if (this.#deliveries.size === 0) this.#options.signal?.removeEventListener("abort", this.#onAbort);
      });
    this.#deliveries.add(delivery);
  }

  /** Returns whether the batch's rows were all written. */
  async #settle(batch: Batch): Promise<boolean> {
    const answer = await this.#calls.send(batch);
    if ("written" in answer) {
      this.#count(answer.written);
      this.batchSize.passed(batch.length, sumBytes(batch));
      this.#release(batch);
      return true;
    }
    const { refusedFor } = answer;
    if (batch.length > 1) return this.#settleHalves(batch, refusedFor);
    const operation = batch[0]!;
    const decision = decide(refusedFor);
    const isRowsFault = decision.action === "split" && decision.alone === "set-aside";
    // A document that can't be deleted is not a bad row: the mirror would keep what it must not show.
    if (!isRowsFault || operation.kind !== "upsert") {
      throw this.#options.sink.explain(refusedFor, this.token.table);
    }
    const { code, kind, message } = refusedFor;
    await this.#options.onRowRefused(operation.row.key, { code: code ?? kind, message });
    this.counts.refused += 1;
    this.#release(batch);
    return false;
  }

  /** Where no row turns out to be at fault, the batch was too large, and the next ones are cut smaller. */
  async #settleHalves(batch: Batch, refusedFor: ConvexCallError): Promise<boolean> {
    const halves = halve(batch);
    const shrink = () =>
      this.batchSize.shrinkTo(halves[0].length, Math.max(sumBytes(halves[0]), sumBytes(halves[1])));
    if (isTooMuch(refusedFor)) shrink();
    let allWritten = true;
    for (const half of halves) allWritten = (await this.#settle(half)) && allWritten;
    if (allWritten) shrink();
    return allWritten;
  }

  #count(result: BatchResult): void {
    for (const name of ["inserted", "updated", "unchanged", "deleted", "absent"] as const) {
      this.counts[name] += result[name];
    }
  }

  #release(batch: Batch): void {
    const keys: string[] = [];
    for (const operation of batch) {
      this.#unsettled.delete(operation.id);
      if (operation.kind === "upsert") keys.push(operation.row.key);
      if (operation.kind === "deletion") keys.push(operation.key);
    }
    this.#options.onSettled?.(keys);
  }

  readonly #onAbort = (): void => this.#fail(interruption(this.#options.signal!));

  /** The first failure ends the run; those that follow from it say nothing new. */
  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error instanceof Error ? error : new Error("The sender failed.", { cause: error });
    this.#calls.stop(this.#failure);
  }

  async #throwFailure(): Promise<void> {
    if (this.#options.signal?.aborted) this.#onAbort();
    if (this.#failure === null) return;
    await Promise.all(this.#deliveries);
    throw this.#failure;
  }
}
