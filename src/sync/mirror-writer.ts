import { encodeFields, encodeRow, readDocument } from "../encode/encode-row.js";
import type { DocumentPlan } from "../encode/plan-document.js";
import type { EncodedDocument } from "../model/encoding.js";
import { BatchSender, type SendCounts } from "../sink/batch-sender.js";
import type { RunToken } from "../sink/convex-sink.js";
import type { Indexes } from "../sink/write-estimate.js";
import type { SourceRow, TableReader } from "../source/table-reader.js";
import { readAhead, startReading } from "./read-ahead.js";
import { readChunks, type RowChunk } from "./read-chunks.js";
import type { RunContext } from "./run-context.js";
import type { MirrorEffects } from "./run-effects.js";
import { SetAside } from "./set-aside.js";

/** Until rows have been read, one is taken to be as wide as this. */
const ASSUMED_ROW_BYTES = 8 * 1024;

/** What a writer works for. */
export interface WrittenMirror {
  reader: TableReader;
  plan: DocumentPlan;
  /** Of the mirror, as deployed. */
  indexes: Indexes;
  token: RunToken;
  effects: MirrorEffects;
  /** Rows were set aside when the run began. */
  hadSetAside: boolean;
}

export interface SendOptions {
  /** Write documents even where the ledger's hash is equal: mends what was edited by hand. */
  force?: boolean;
  /** Told how many rows this writer has read, after each chunk. */
  onRead?: (rows: number) => void;
}

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
  readonly #mirror: WrittenMirror;
  readonly #indexedFields: ReadonlySet<string>;
  readonly #sender: BatchSender;
  readonly #setAside: SetAside;
  #documentBytes = 0;
  #keyBytes = 0;
  #encoded = 0;
  #notedPartitions = false;
  /** Something was handed over since the last seal: equal names would say equal contents. */
  #unsealed = false;

  constructor(context: RunContext, mirror: WrittenMirror) {
    const { sink, clock, pacer, budget, settings, signal, deadlineAt, ensureLease } = context;
    const { token, indexes, effects, hadSetAside } = mirror;
    this.#context = context;
    this.#mirror = mirror;
    // A path such as "address.city" leads into a field.
    this.#indexedFields = new Set(indexes.flat().map((path) => path.split(".")[0]!));
    this.#setAside = new SetAside(token.table, effects, hadSetAside);
    this.#sender = new BatchSender({
      sink,
      token,
      clock,
      pacer,
      budget,
      indexes,
      signal,
      deadlineAt,
      ensureLease,
      maxInFlight: settings.maxInFlight,
      onRowRefused: (key, reason) => {
        const { inserted, updated, unchanged } = this.counts;
        const passed = inserted + updated + unchanged;
        return this.#setAside.add(key, { by: "convex", passed, reason, column: null });
      },
      onSettled: (keys) => this.#setAside.settled(keys),
    });
  }

  /** Rows of this mirror are set aside, or were when the run began. */
  get hasSetAside(): boolean {
    return this.#setAside.hasAny;
  }

  /** The fencing token as it is now. */
  get token(): RunToken {
    return this.#sender.token;
  }

  /** What Convex has said so far. */
  get counts(): Readonly<SendCounts> {
    return this.#sender.counts;
  }

  /** Of the rows that were sent: how many, and the sums of their documents' and their keys' sizes. */
  get sizes(): { rows: number; documentBytes: number; keyBytes: number } {
    return { rows: this.#encoded, documentBytes: this.#documentBytes, keyBytes: this.#keyBytes };
  }

  /**
   * Reads and sends the rows of these keys. While one chunk is being sent, the next is being read.
   * @returns the keys that the relation does not hold (any more)
   */
  sendRows(keys: readonly string[], options?: SendOptions): Promise<string[]> {
    return this.sendChunks(readAhead(this.#readChunks(keys)), options);
  }

  /** Begins to read the rows of these keys, for `sendChunks`. */
  startReading(keys: readonly string[]): AsyncIterable<RowChunk> {
    return startReading(this.#readChunks(keys));
  }

  /** Sends rows that are being read. */
  async sendChunks(
    chunks: AsyncIterable<RowChunk>,
    { force = false, onRead }: SendOptions = {},
  ): Promise<string[]> {
    const missing: string[] = [];
    for await (const chunk of chunks) {
      this.#context.signal.throwIfAborted();
      await this.#setAside.recall(chunk.rows.map(({ key }) => key));
      await this.#noteOtherPartitions();
      for (const row of chunk.rows) await this.#sendRow(row, force);
      missing.push(...chunk.missing);
      onRead?.(this.read);
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

  /** Writes documents even where the ledger's hash is equal, and counts those that were gone. */
  async mendRows(keys: readonly string[]): Promise<void> {
    await this.checkpoint();
    const before = this.counts.inserted;
    await this.sendRows(keys, { force: true });
    await this.checkpoint();
    this.restored += this.counts.inserted - before;
  }

  /** The document of a row that was just read, or null for one that cannot be mirrored. */
  encode(row: SourceRow): EncodedDocument | null {
    const result = encodeRow(this.#mirror.plan, row.texts);
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

  /** Resolves when everything so far is acknowledged, or set aside. */
  async checkpoint(): Promise<void> {
    await this.#sender.drain();
    await this.#setAside.checkpoint(async (keys) => {
      await this.remove(keys);
      await this.#sender.drain();
    });
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

  /** After a failure, of the writer's or of anybody's: resolves when nothing of it is under way any more. */
  stop(reason: Error): Promise<void> {
    return this.#sender.stop(reason);
  }

  /** Rows of a partition that comes and goes leave no trace: whoever goes on after a crash would keep them. */
  async #noteOtherPartitions(): Promise<void> {
    const { reader, effects } = this.#mirror;
    if (this.#notedPartitions || !reader.sawOtherPartitions) return;
    await effects.markUnsteady();
    this.#notedPartitions = true;
  }

  async #sendRow(row: SourceRow, force: boolean): Promise<void> {
    const { plan } = this.#mirror;
    const { key, hash, texts } = row;
    this.#unsealed = true;
    this.read += 1;
    const encoded = encodeRow(plan, texts);
    if (!encoded.ok) {
      const { column, ...reason } = encoded.refusal;
      await this.#setAside.add(key, { by: "encoder", passed: this.#encoded, reason, column });
      return;
    }
    const { json, bytes } = encoded;
    this.#encoded += 1;
    this.#documentBytes += bytes;
    this.#keyBytes += Buffer.byteLength(key);
    const indexed = encodeFields(plan, texts, this.#indexedFields);
    await this.#sender.upsert({ key, hash, json, bytes, indexed }, { force });
  }

  #readChunks(keys: readonly string[]): AsyncGenerator<RowChunk> {
    const { pageRows: rows, pageBytes: bytes } = this.#context.settings;
    return readChunks(this.#mirror.reader, keys, { rows, bytes }, () => this.#averageBytes());
  }

  #averageBytes(): number {
    return this.read === 0 ? ASSUMED_ROW_BYTES : this.#documentBytes / this.read;
  }
}
