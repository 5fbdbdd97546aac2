import type { KeyHash } from "../source/table-reader.js";
import type { Acknowledged } from "./agreement.js";
import { forgetOldSetAside } from "./forget-set-aside.js";
import { ledgerPages, relationPages } from "./listings.js";
import { mergeByKey } from "./merge-by-key.js";
import type { Listings, MirrorRun } from "./mirror-run.js";
import { readAhead } from "./read-ahead.js";
import { recordDeletions } from "./record-deletions.js";
import { saveProgress } from "./save-progress.js";

/**
 * Where an interrupted comparison goes on: what differed up to here is acknowledged, and what is gone is written down.
 * `merge` reads both sides at once; where the owner's index has another order than the ledger, `rows` reads the
 * relation and looks its keys up in the ledger, and then `ledger` reads that and asks which of its keys exist.
 */
export interface CompareCursor extends Acknowledged {
  kind: "compare";
  phase: "merge" | "rows" | "ledger" | "done";
  after: string | null;
  /** The name of the comparison, under which it writes deletions down: that of the run that began it. */
  pass: string;
  /** Entries of the ledger so far. */
  listed: number;
  /** Entries that there should be, by the mirror's own count. */
  expected: number;
  /** Documents that the pass has added itself, up to here. */
  written: number;
}

/** Pages compared between two times at which the cursor is saved, where nothing differs. */
const PAGES_BETWEEN_SAVES = 5;

/**
 * Compares all keys and content hashes with the ledger, without an index of ours: no sort, no transaction that stays
 * open. Only differences are read and sent: content that is equal after TRUNCATE and reload costs the listing alone.
 * What is in the ledger and not in the relation becomes a pending deletion.
 * @returns how many entries the ledger had, and how many it should have had
 */
export async function compareAll(
  run: MirrorRun,
  from: CompareCursor | null,
): Promise<Pick<CompareCursor, "listed" | "expected">> {
  const comparison = new Comparison(run, from);
  await comparison.toEnd();
  const { listed, expected } = comparison.cursor;
  return { listed, expected };
}

class Comparison {
  readonly #run: MirrorRun;
  cursor: CompareCursor;
  #differing: string[] = [];
  #gone: string[] = [];
  #compared = 0;
  #savedAt = 0;
  #hasSaved: boolean;
  /** Documents may have been written since the count that a pass begins with. */
  readonly #isLate: boolean;
  /** To be added to what this run has written: what the pass had written before, without what the run had. */
  readonly #writtenBefore: number;

  constructor(run: MirrorRun, from: CompareCursor | null) {
    this.#run = run;
    this.#hasSaved = from !== null;
    this.#isLate = from !== null || documentsAdded(run) !== 0;
    this.#writtenBefore = (from?.written ?? 0) - documentsAdded(run);
    this.cursor = from ?? {
      kind: "compare",
      phase: run.source.keyOrder === "bytes" ? "merge" : "rows",
      after: null,
      pass: run.context.lease.nonce,
      listed: 0,
      expected: run.documentsBefore,
      written: 0,
      acknowledged: run.writer.acknowledged,
    };
  }

  async toEnd(): Promise<void> {
    if (this.cursor.phase === "merge") {
      // What was sent and not noted, by an interrupted pass or by this run before the pass, is listed from here on.
      const { written } = this.cursor;
      if (this.#isLate) this.cursor.expected = (await this.#run.convex.countRows()) - written;
      await this.#mergeBoth();
    }
    if (this.cursor.phase === "rows") {
      await this.#lookRowsUp();
      // By now the ledger has what this pass has sent, and what an interrupted one had on its way.
      await this.#save({ phase: "ledger", after: null, expected: await this.#run.convex.countRows() });
    }
    if (this.cursor.phase === "ledger") await this.#lookEntriesUp();
    if (this.cursor.phase === "done") return;
    const { effects, writer, mayDelete } = this.#run;
    if (mayDelete) await effects.confirmDeletions(this.#run, "key", this.cursor.pass);
    if (writer.hasSetAside) await forgetOldSetAside(this.#run);
    // Where nothing differed there is nothing to lose, and whoever went on would list the last pages once more.
    if (this.#hasSaved) await this.#save({ phase: "done", after: null });
  }

  async #mergeBoth(): Promise<void> {
    const { relation, ledger } = this.#listings();
    const { context, onAllRead } = this.#run;
    const onPage = (page: KeyHash[]) => {
      if (page.length < context.settings.pageHashes) onAllRead();
    };
    const pairs = mergeByKey(items(relation, onPage), items(ledger));
    for await (const { key, left, right } of pairs) {
      if (right !== null) this.cursor.listed += 1;
      if (left === null) this.#gone.push(key);
      else if (left.hash !== right?.hash) this.#differing.push(key);
      await this.#step(key, 1);
    }
    if (this.#differing.length + this.#gone.length > 0) await this.#save({});
  }

  #listings(): Listings {
    const run = this.#run;
    const { after } = this.cursor;
    const begun = after === null ? run.listings : null;
    run.listings = null;
    if (begun !== null) return begun;
    return { relation: readAhead(relationPages(run, after)), ledger: readAhead(ledgerPages(run, after)) };
  }

  async #lookRowsUp(): Promise<void> {
    for await (const page of readAhead(relationPages(this.#run, this.cursor.after))) {
      if (page.length === 0) break;
      const keys = page.map(({ key }) => key);
      const ledger = await this.#run.convex.lookupKeys(keys);
      this.#differing.push(...page.filter(({ key, hash }) => ledger.get(key) !== hash).map(({ key }) => key));
      await this.#step(keys.at(-1)!, page.length);
    }
    await this.#save({});
  }

  async #lookEntriesUp(): Promise<void> {
    for await (const page of readAhead(ledgerPages(this.#run, this.cursor.after))) {
      if (page.length === 0) break;
      const keys = page.map(({ key }) => key);
      const living = await this.#run.reader.existing(keys);
      this.cursor.listed += page.length;
      this.#gone.push(...keys.filter((key) => !living.has(key)));
      await this.#step(keys.at(-1)!, page.length);
    }
    await this.#save({});
  }

  /** Everything up to this key is compared. */
  async #step(key: string, keys: number): Promise<void> {
    const { settings } = this.#run.context;
    const before = this.#compared;
    this.#compared += keys;
    const everyPage = settings.pageKeys;
    if (Math.floor(before / everyPage) < Math.floor(this.#compared / everyPage))
      this.#run.progress(this.#compared);
    const long = this.#compared - this.#savedAt >= PAGES_BETWEEN_SAVES * settings.pageHashes;
    if (long || this.#differing.length + this.#gone.length >= everyPage) await this.#save({ after: key });
    else this.cursor.after = key;
  }

  /** Sends what differs, writes down what is gone, and then where this pass has come. */
  async #save(change: Partial<CompareCursor>): Promise<void> {
    const { writer } = this.#run;
    this.#gone.push(...(await writer.sendRows(this.#differing)));
    await writer.checkpoint();
    await recordDeletions(this.#run, "key", this.#gone, this.cursor.pass);
    this.#differing = [];
    this.#gone = [];
    this.#savedAt = this.#compared;
    this.#hasSaved = true;
    const written = this.#writtenBefore + documentsAdded(this.#run);
    this.cursor = { ...this.cursor, ...change, written, acknowledged: await writer.seal() };
    await saveProgress(this.#run, this.cursor);
  }
}

function documentsAdded({ writer }: MirrorRun): number {
  return writer.counts.inserted - writer.counts.deleted;
}

/** Both sides list their next page while the last one is being compared: their answers take longer than that does. */
async function* items<T>(
  pages: AsyncIterable<T[]>,
  onPage: (page: T[]) => void = () => {},
): AsyncGenerator<T> {
  for await (const page of pages) {
    onPage(page);
    yield* page;
  }
}
