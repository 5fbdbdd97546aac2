import { getDocumentSize } from "convex/values";
import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import { countBytes, stateBytes, type DatabaseIo, type StateBytes } from "./io-estimate.js";
import type { MirrorSink } from "./mirror-sink.js";

/** Keys that are remembered as written; of more, the oldest are forgotten. */
const MOST_KEYS = 100_000;

/** Documents whose sizes stand for all of a table: what is deleted, or replaced unseen, is not read for its size. */
const SAMPLE = { limit: 8, maxBytes: 64 * 1024 };

/** What a run would have written of a row. */
export interface Written {
  /** Null: the row is gone. */
  hash: string | null;
  /** Rows of the mirror that came by it: 1, 0 or -1. */
  rows: number;
}

/**
 * What a mirror would look like while a run goes on that only looks: what the deployment holds, and above it what the run
 * would have written by now.
 */
export class ForeseenMirror {
  /** As the handshake found it. */
  handshake: MirrorHandshake | null = null;
  /** The document that says how its runs stand is there by now. */
  hasState = false;
  /** Keys of the ledger whose documents are gone, as they were listed last. */
  readonly missing = new Set<string>();
  /** Rows that the mirror would have more, by what is remembered. */
  newRows = 0;
  readonly #written = new Map<string, Written>();
  readonly #slots = new Set<number>();
  readonly #looker: MirrorSink;
  #sampledBytes: Promise<number> | null = null;

  constructor(
    readonly table: string,
    looker: MirrorSink,
  ) {
    this.#looker = looker;
  }

  /** The counts of sender slots that there are: how many the deployment has is not told, and they are small. */
  set knownRows(rows: number) {
    if (rows !== 0) this.#slots.add(0);
  }

  get state(): StateBytes {
    return stateBytes(this.table, this.handshake?.state ?? null);
  }

  /** What the ledger would hold of these keys. */
  async lookUp(keys: readonly string[]): Promise<Map<string, string>> {
    const isEmpty = this.handshake?.ledgerSample === "empty";
    const asked = isEmpty ? [] : keys.filter((key) => !this.#written.has(key));
    const found = await this.#looker.lookupKeys(asked);
    for (const key of keys) {
      const hash = this.#written.get(key)?.hash;
      if (hash != null) found.set(key, hash);
    }
    return found;
  }

  /** @param rows 1 for a row that would be new, -1 for one that would go */
  note(key: string, hash: string | null, rows: number): void {
    const before = this.#written.get(key);
    this.#written.delete(key); // so that it comes last again
    this.#written.set(key, { hash, rows: rows + (before?.rows ?? 0) });
    this.newRows += rows;
    if (this.#written.size <= MOST_KEYS) return;
    for (const [oldest, written] of this.#written) {
      this.#written.delete(oldest);
      this.newRows -= written.rows;
      break;
    }
  }

  /** What the run would have written, by key. */
  get written(): ReadonlyMap<string, Written> {
    return this.#written;
  }

  /** The size of a document of the table, as those that come first have it; 0 where there is none. */
  documentBytes(): Promise<number> {
    this.#sampledBytes ??= this.#looker.listDocuments({ cursor: null, ...SAMPLE }).then(({ entries }) => {
      const bytes = entries.map(({ document }) =>
        getDocumentSize(document as Parameters<typeof getDocumentSize>[0]),
      );
      return bytes.length === 0 ? 0 : bytes.reduce((sum, each) => sum + each, 0) / bytes.length;
    });
    return this.#sampledBytes;
  }

  /** Rows are counted in the slot of whoever sends them. */
  countRows(slot: number, io: DatabaseIo): void {
    const { document, key } = countBytes(this.table);
    if (this.#slots.has(slot)) io.bytesRead += 2 * document + key;
    this.#slots.add(slot);
    io.bytesWritten += document + key;
  }

  /** All counts are read, for the number of rows. */
  readCounts(io: DatabaseIo): void {
    const { document, key } = countBytes(this.table);
    io.bytesRead += this.#slots.size * (document + key);
  }
}
