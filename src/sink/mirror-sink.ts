import type {
  DocumentPage,
  DocumentsRead,
  LedgerPage,
  LookupResult,
  MissingPage,
} from "../../convex/datahubSync/pageProtocol.js";
import { LIMITS } from "../../convex/datahubSync/protocol.js";
import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import { CallAmounts } from "./cut-calls.js";

/** Asks a query of the mirror, and repeats what may be repeated. @param canCut whether less can be asked for */
export type AskOfMirror = <Result>(
  name: string,
  args: Record<string, unknown>,
  canCut: boolean,
) => Promise<Result>;

/** Of a page of documents: by count and by bytes. */
export const PAGE_DOCUMENTS = 500;
export const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * What the deployment holds of one mirror, in pages. A page may be shorter than `limit` without being the last: `done`, or
 * a null to go on from, says so. Each method throws a SyncError that names cause and remedy.
 */
export class MirrorSink {
  readonly #ask: AskOfMirror;
  readonly #amounts = new CallAmounts();

  constructor(
    ask: AskOfMirror,
    /** What the deployment knows of the mirror by now. */
    readonly handshake: () => Promise<MirrorHandshake>,
  ) {
    this.#ask = ask;
  }

  /** Rows in the mirror by its own count, which is kept in the transactions that write them. */
  async countRows(): Promise<number> {
    return (await this.handshake()).rows;
  }

  /** Keys and hashes after a key (null: from the start), in the order of the keys' UTF-8 bytes. */
  listLedger(page: { after: string | null; limit: number }): Promise<LedgerPage> {
    return this.#page("listLedger", page);
  }

  /** Documents with what the ledger says of each, in the order of their creation. */
  listDocuments(page: { cursor: string | null; maxBytes: number; limit: number }): Promise<DocumentPage> {
    return this.#page("listDocuments", page);
  }

  /** All documents, in pages that are small enough for two of them to be in memory. @param signal ends it between two pages */
  async *documents(signal: AbortSignal, maxBytes = PAGE_BYTES): AsyncGenerator<DocumentPage["entries"]> {
    let cursor: string | null = null;
    for (;;) {
      signal.throwIfAborted();
      const page = await this.listDocuments({ cursor, maxBytes, limit: PAGE_DOCUMENTS });
      yield page.entries;
      if (page.done) return;
      cursor = page.cursor;
    }
  }

  /** Keys of the ledger whose documents are gone. */
  listMissing(page: { after: string | null; limit: number }): Promise<MissingPage> {
    return this.#page("listMissing", page);
  }

  /** What the ledger holds of these keys, any number of them: hash by key. */
  async lookupKeys(keys: readonly string[]): Promise<Map<string, string>> {
    const present = new Map<string, string>();
    for (let from = 0; from < keys.length;) {
      const wanted = Math.min(LIMITS.lookupKeys, keys.length - from);
      from += await this.#amounts.ask("lookupKeys", wanted, async (amount, canCut) => {
        const part = { keys: keys.slice(from, from + amount) };
        const result = await this.#ask<LookupResult>("lookupKeys", part, canCut);
        for (const { key, hash } of result.present) present.set(key, hash);
        return amount;
      });
    }
    return present;
  }

  /** What the ledger and the table hold of these keys, any number of them, by key; those it lacks are left out. */
  async *readDocuments(keys: readonly string[]): AsyncGenerator<DocumentsRead["found"]> {
    for (let from = 0; from < keys.length;) {
      const wanted = Math.min(LIMITS.lookupKeys, keys.length - from);
      const { found, covered } = await this.#amounts.ask("readDocuments", wanted, (amount, canCut) =>
        this.#ask<DocumentsRead>("readDocuments", { keys: keys.slice(from, from + amount) }, canCut),
      );
      yield found;
      from += covered;
    }
  }

  #page<Result>(name: string, page: { limit: number }): Promise<Result> {
    return this.#amounts.ask(name, page.limit, (limit, canCut) =>
      this.#ask<Result>(name, { ...page, limit }, canCut),
    );
  }
}
