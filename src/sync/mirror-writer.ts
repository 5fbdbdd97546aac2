import { encodeFields, encodeRow, readDocument } from "../encode/encode-row.js";
import type { DocumentPlan } from "../encode/plan-document.js";
import type { EncodedDocument } from "../model/encoding.js";
import type { BatchSize } from "../sink/batch-size.js";
import { BatchSender, type RowRefusal, type SendCounts } from "../sink/batch-sender.js";
import type { RunToken } from "../sink/convex-sink.js";
import type { Indexes } from "../sink/write-estimate.js";
import type { SourceRow, TableReader } from "../source/table-reader.js";
import { findRejectedRows } from "../state/rejected-rows.js";
import { readAhead, startReading } from "./read-ahead.js";
import { readChunks, type RowChunk } from "./read-chunks.js";
import type { RunContext } from "./run-context.js";

/** Until rows have been read, one is taken to be as wide as this. */
const ASSUMED_ROW_BYTES = 8 * 1024;

/**
 * Takes keys, reads their rows, encodes them and hands them to the sender; sets aside what cannot be mirrored. What
 * is handed over is acknowledged at the next `checkpoint`, and only then may a cursor move past it.
 */
export class MirrorWriter {
  /** Rows whose content was read. */
  read = 0;
  /** Rows that were inserted and are not new: their documents had been removed by hand. */
  restored = 0;
  readonly #context: RunContext;
  readonly #table: string;
  readonly #reader: TableReader;
  readonly #plan: DocumentPlan;
  readonly #indexes: Indexes;
  readonly #indexedFields: ReadonlySet<string>;
  /**
   * Whether rows are set aside: only then is it worth forgetting those that are mirrored now. By an earlier run, or by
   * this one, since a row that changes again is read again.
   */
  #hasRejected: boolean;
  #sender: BatchSender;
  #force = false;
  readonly #earlier: SendCounts = {
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    absent: 0,
    refused: 0,
  };
  #documentBytes = 0;
  #keyBytes = 0;
  #encoded = 0;
  #refused = new Set<string>();
  /** Of the chunks since the last checkpoint: rows that earlier runs set aside. */
  #refusedBefore = new Set<string>();
  #settled: string[] = [];
  #notedPartitions = false;
  /** Something was handed over since the last seal: equal names would say equal contents. */
  #unsealed = false;

  constructor(
    context: RunContext,
    mirror: {
      table: string;
      reader: TableReader;
      plan: DocumentPlan;
      /** Of the mirror, as deployed. */
      indexes: Indexes;
      token: RunToken;
      hadRejected: boolean;
    },
  ) {
    this.#context = context;
    this.#table = mirror.table;
    this.#reader = mirror.reader;
    this.#plan = mirror.plan;
    this.#indexes = mirror.indexes;
    // A path such as "address.city" leads into a field.
    this.#indexedFields = new Set(mirror.indexes.flat().map((path) => path.split(".")[0]!));
    this.#hasRejected = mirror.hadRejected;
    this.#sender = this.#createSender(mirror.token);
  }

  /** Rows of this mirror are set aside, or were when the run began. */
  get hasRejected(): boolean {
    return this.#hasRejected;
  }

  /** The fencing token as it is now. */
  get token(): RunToken {
    return this.#sender.token;
  }

  get counts(): SendCounts {
    const now = this.#sender.counts;
    const sum = { ...this.#earlier };
    for (const name of Object.keys(sum) as (keyof SendCounts)[]) sum[name] += now[name];
    return sum;
  }

  /** Of the rows that were sent: how many, and the sums of their documents' and their keys' sizes. */
  get sizes(): { rows: number; documentBytes: number; keyBytes: number } {
    return { rows: this.#encoded, documentBytes: this.#documentBytes, keyBytes: this.#keyBytes };
  }

  /** Told how many rows have been read. A pass that counts otherwise replaces it. */
  onRead: (rows: number) => void = (rows) => this.#context.listener.tableProgress(this.#table, rows);

  /**
   * Reads and sends the rows of these keys. While one chunk is being sent, the next is being read.
   * @returns the keys that the relation does not hold (any more)
   */
  sendRows(keys: readonly string[]): Promise<string[]> {
    return this.sendChunks(readAhead(this.#readChunks(keys)));
  }

  /** Begins to read the rows of these keys, for `sendChunks`. */
  startReading(keys: readonly string[]): AsyncIterable<RowChunk> {
    return startReading(this.#readChunks(keys));
  }

  /** Sends rows that are being read. */
  async sendChunks(chunks: AsyncIterable<RowChunk>): Promise<string[]> {
    const missing: string[] = [];
    for await (const chunk of chunks) {
      this.#context.signal.throwIfAborted();
      await this.#recallRejected(chunk.rows);
      await this.#noteOtherPartitions();
      for (const row of chunk.rows) await this.#sendRow(row);
      missing.push(...chunk.missing);
      this.onRead(this.read);
    }
    return missing;
  }

  /** The rows of these keys, to look at. */
  async readRows(keys: readonly string[]): Promise<SourceRow[]> {
    const rows: SourceRow[] = [];
    for await (const chunk of this.#readChunks(keys)) rows.push(...chunk.rows);
    this.read += rows.length;
    return rows;
  }

  /** Writes documents even where the ledger's hash is equal: mends what was edited by hand. */
  async mendRows(keys: readonly string[]): Promise<string[]> {
    await this.#setForce(true);
    const before = this.counts.inserted;
    const missing = await this.sendRows(keys);
    await this.#setForce(false);
    this.restored += this.counts.inserted - before;
    return missing;
  }

  /** The document of a row that was just read, or null for one that cannot be mirrored. */
  encode(row: SourceRow): EncodedDocument | null {
    const result = encodeRow(this.#plan, row.texts);
    return result.ok ? readDocument(result.json) : null;
  }

  async remove(keys: readonly string[]): Promise<void> {
    this.#unsealed = true;
    for (const key of keys) await this.#sender.remove(key);
  }

  async removeDocuments(ids: readonly string[]): Promise<void> {
    this.#unsealed = true;
    for (const id of ids) await this.#sender.removeOrphan(id);
  }

  /**
   * Resolves when everything so far is acknowledged. The older version of a row that was set aside is removed: a
   * mirror may lack a row that it names, but it must not show an old one as if it were current (invariant 7).
   */
  async checkpoint(): Promise<void> {
    await this.#sender.drain();
    if (this.#refused.size > 0) {
      await this.remove([...this.#refused]);
      await this.#sender.drain();
    }
    if (this.#hasRejected) {
      const mended = this.#settled.filter((key) => !this.#refused.has(key));
      await this.#context.effects.forgetRejectedRows(this.#table, mended);
    }
    this.#refused.clear();
    this.#refusedBefore.clear();
    this.#settled = [];
  }

  /**
   * After a checkpoint: gives what Convex holds now a name, which a Convex that is restored to before it does not know.
   */
  async seal(): Promise<{ nonce: string; fence: string }> {
    if (this.#unsealed) await this.#sender.raiseFence();
    this.#unsealed = false;
    return this.acknowledged;
  }

  /** The name of what Convex held at the last seal. */
  get acknowledged(): { nonce: string; fence: string } {
    const { nonce, fence } = this.token;
    return { nonce, fence: fence.toString() };
  }

  /** A row that was set aside before and still cannot be mirrored is no sign of a fault of the whole table. */
  async #recallRejected(rows: readonly SourceRow[]): Promise<void> {
    if (!this.#hasRejected) return;
    const { database, lease } = this.#context;
    const keys = rows.map((row) => row.key);
    for (const key of await findRejectedRows(database, lease.targetId, this.#table, keys)) {
      this.#refusedBefore.add(key);
    }
  }

  /** Rows of a partition that comes and goes leave no trace: whoever goes on after a crash would keep them. */
  async #noteOtherPartitions(): Promise<void> {
    if (this.#notedPartitions || !this.#reader.sawOtherPartitions) return;
    await this.#context.effects.markUnsteady(this.#table);
    this.#notedPartitions = true;
  }

  async #sendRow(row: SourceRow): Promise<void> {
    this.#unsealed = true;
    this.read += 1;
    const encoded = encodeRow(this.#plan, row.texts);
    if (!encoded.ok) {
      const { code, column, message } = encoded.refusal;
      await this.#setAside(row.key, { code, message }, column);
      return;
    }
    this.#encoded += 1;
    this.#documentBytes += encoded.bytes;
    this.#keyBytes += Buffer.byteLength(row.key);
    await this.#sender.upsert({
      key: row.key,
      hash: row.hash,
      json: encoded.json,
      bytes: encoded.bytes,
      indexed: encodeFields(this.#plan, row.texts, this.#indexedFields),
    });
  }

  async #setAside(key: string, reason: RowRefusal, column: string | null): Promise<void> {
    this.#columns.set(key, column);
    await this.#sender.refuse(key, reason);
    this.#columns.delete(key);
  }

  /** Columns at fault of rows that are on their way to `onRowRefused`. */
  readonly #columns = new Map<string, string | null>();

  async #onRowRefused(key: string, { code, message }: RowRefusal): Promise<void> {
    this.#refused.add(key);
    this.#hasRejected = true;
    const column = this.#columns.get(key) ?? null;
    await this.#context.effects.recordRejectedRow(this.#table, { key, code, column, reason: message });
  }

  #readChunks(keys: readonly string[]): AsyncGenerator<RowChunk> {
    return readChunks(this.#reader, keys, this.#context.settings.pageRows, () => this.#averageBytes());
  }

  #averageBytes(): number {
    return this.read === 0 ? ASSUMED_ROW_BYTES : this.#documentBytes / this.read;
  }

  async #setForce(force: boolean): Promise<void> {
    if (force === this.#force) return;
    await this.checkpoint();
    const { counts, token } = this.#sender;
    for (const name of Object.keys(counts) as (keyof SendCounts)[]) this.#earlier[name] += counts[name];
    this.#force = force;
    this.#sender = this.#createSender(token, this.#sender.batchSize);
  }

  #createSender(token: RunToken, batchSize?: BatchSize): BatchSender {
    const { sink, clock, pacer, settings, signal, deadlineAt, ensureLease } = this.#context;
    return new BatchSender({
      sink,
      token,
      clock,
      pacer,
      indexes: this.#indexes,
      ...(batchSize && { batchSize }),
      signal,
      deadlineAt,
      ensureLease,
      force: this.#force,
      maxInFlight: settings.maxInFlight,
      wasRefusedBefore: (key) => this.#refusedBefore.has(key),
      onRowRefused: (key, reason) => this.#onRowRefused(key, reason),
      onSettled: (keys) => {
        if (this.#hasRejected) this.#settled.push(...keys);
      },
    });
  }
}
