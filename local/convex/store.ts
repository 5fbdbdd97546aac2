import { ConflictError } from "./errors.js";
import type { StoredDocument } from "./document.js";
import { FIRST_TABLE_NUMBER, LAST_TABLE_NUMBER, encodeId, tableNumberOf } from "./ids.js";
import { compareKeys, type IndexKey, type KeyRange } from "./order.js";
import type { IndexDefinition } from "./schema.js";
import { Table } from "./table.js";

/** A document before and after a transaction; undefined where it does not exist. */
export interface Write {
  before: StoredDocument | undefined;
  after: StoredDocument | undefined;
}

/** A range that a transaction has looked at: a commit into it makes the transaction's result stale. */
export interface ReadRange extends KeyRange {
  table: string;
  index: IndexDefinition;
}

/** Where a commit has written: sorted keys by table and index, old places and new. */
type WrittenKeys = Map<string, Map<IndexDefinition, IndexKey[]>>;

/** Told of every commit; `touched` tells whether it wrote into what someone has read. */
export type CommitListener = (touched: (reads: readonly ReadRange[]) => boolean) => void;

export interface Snapshot {
  version: number;
  tables: Map<string, Table>;
}

/**
 * The committed state. Transactions read a snapshot and hand in their writes; a commit succeeds only if
 * nothing that the transaction read has been written since its snapshot (serialisable, as in Convex).
 */
export class Store {
  #tables = new Map<string, Table>();
  #numbers = new Map<string, number>();
  #version = 0;
  /** What each commit wrote, as far back as the oldest open snapshot. Null: everything (a deploy). */
  #commits: { version: number; keys: WrittenKeys | null }[] = [];
  #open = new Map<Snapshot, number>();
  #lastCreationTime = 0;
  #listeners = new Set<CommitListener>();

  constructor(
    private readonly nextInternalId: () => Uint8Array,
    private readonly now: () => number,
  ) {}

  open(): Snapshot {
    const snapshot = {
      version: this.#version,
      tables: new Map([...this.#tables].map(([name, table]) => [name, table.clone()])),
    };
    this.#open.set(snapshot, snapshot.version);
    return snapshot;
  }

  close(snapshot: Snapshot): void {
    this.#open.delete(snapshot);
    const oldest = Math.min(...this.#open.values());
    this.#commits = this.#commits.filter((commit) => commit.version > oldest);
  }

  /**
   * Makes a transaction's writes visible. `tables` are its own clones, which hold them already: where nothing
   * else was committed meanwhile they are taken over as they are. Throws {@link ConflictError}, and then
   * nothing has changed.
   */
  commit(
    snapshot: Snapshot,
    tables: ReadonlyMap<string, Table>,
    reads: readonly ReadRange[],
    writes: readonly Write[],
  ): void {
    this.#assertFresh(snapshot, reads);
    if (writes.length === 0) return;
    if (snapshot.version !== this.#version) return this.apply(writes);
    for (const { before, after } of writes) {
      const name = (after ?? before)!.table;
      this.#tables.set(name, tables.get(name)!);
    }
    this.#advance(this.#keysOf(writes));
  }

  /** Writes without a look at what was read: for data that no function wrote. */
  apply(writes: readonly Write[]): void {
    for (const { before, after } of writes) {
      const name = (after ?? before)!.table;
      let table = this.#tables.get(name);
      if (table === undefined) this.#tables.set(name, (table = Table.create(name)));
      if (after) table.put(after, before);
      else table.remove(before!);
    }
    if (writes.length > 0) this.#advance(this.#keysOf(writes));
  }

  #assertFresh(snapshot: Snapshot, reads: readonly ReadRange[]): void {
    for (const { version, keys } of this.#commits) {
      if (version <= snapshot.version) continue;
      if (keys === null) throw new ConflictError("The functions were deployed anew meanwhile");
      for (const read of reads) {
        if (isStale(read, keys)) {
          throw new ConflictError(`Documents read from table "${read.table}" changed meanwhile`);
        }
      }
    }
  }

  /** Where the writes touch the indexes: the old places and the new. */
  #keysOf(writes: readonly Write[]): WrittenKeys {
    const keys: WrittenKeys = new Map();
    for (const { before, after } of writes) {
      const table = this.#tables.get((after ?? before)!.table)!;
      noteKeys(keys, table, before, after);
    }
    for (const indexes of keys.values()) for (const places of indexes.values()) places.sort(compareKeys);
    return keys;
  }

  #advance(keys: WrittenKeys | null): void {
    this.#version++;
    if (this.#open.size > 0) this.#commits.push({ version: this.#version, keys });
    const touched = (reads: readonly ReadRange[]) =>
      keys === null || reads.some((read) => isStale(read, keys));
    for (const listener of this.#listeners) listener(touched);
  }

  /** Replaces the tables as a whole: a deploy with other indexes, or an import. Running transactions conflict. */
  replaceTables(tables: Map<string, Table>): void {
    this.#tables = tables;
    this.#advance(null);
  }

  /** Calls `listener` after every commit, until the returned function is called. */
  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rises with every commit. */
  get version(): number {
    return this.#version;
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables;
  }

  /** Tables keep their number for ever: ids hold it. */
  tableNumber(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = Math.max(FIRST_TABLE_NUMBER - 1, ...this.#numbers.values()) + 1;
      if (number > LAST_TABLE_NUMBER) throw new Error("Too many tables");
      this.#numbers.set(name, number);
    }
    return number;
  }

  get tableNumbers(): ReadonlyMap<string, number> {
    return this.#numbers;
  }

  restoreTableNumbers(numbers: Iterable<[string, number]>): void {
    this.#numbers = new Map(numbers);
  }

  newId(table: string): string {
    return encodeId(this.tableNumber(table), this.nextInternalId());
  }

  isIdOf(id: string, table: string): boolean {
    const number = this.#numbers.get(table);
    return number !== undefined && tableNumberOf(id) === number;
  }

  tableOfId(id: string): string | null {
    const number = tableNumberOf(id);
    for (const [name, candidate] of this.#numbers) if (candidate === number) return name;
    return null;
  }

  /** Milliseconds, strictly rising: at 2^41 ms a double still tells apart steps of 1/4096 ms. */
  nextCreationTime(): number {
    this.#lastCreationTime = Math.max(this.now(), this.#lastCreationTime + 1 / 4096);
    return this.#lastCreationTime;
  }

  noteCreationTime(time: number): void {
    this.#lastCreationTime = Math.max(this.#lastCreationTime, time);
  }
}

function noteKeys(
  keys: WrittenKeys,
  table: Table,
  before: StoredDocument | undefined,
  after: StoredDocument | undefined,
): void {
  let indexes = keys.get(table.name);
  if (indexes === undefined) keys.set(table.name, (indexes = new Map<IndexDefinition, IndexKey[]>()));
  for (const index of table.indexes) {
    let places = indexes.get(index);
    if (places === undefined) indexes.set(index, (places = []));
    if (before) places.push(before.keyIn(index));
    if (after) places.push(after.keyIn(index));
  }
}

function isStale(read: ReadRange, keys: WrittenKeys): boolean {
  const places = keys.get(read.table)?.get(read.index);
  return places !== undefined && touches(places, read);
}

/** Whether any of the sorted keys lies in the range. */
function touches(sorted: readonly IndexKey[], range: KeyRange): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(sorted[middle]!, range.lower) < 0) low = middle + 1;
    else high = middle;
  }
  const first = sorted[low];
  return first !== undefined && compareKeys(first, range.upper) <= 0;
}
