import type { StoredDocument } from "./document.js";
import { compareKeys, createIndexTree, type IndexTree, type KeyRange } from "./order.js";
import { BY_CREATION_TIME, BY_ID, type IndexDefinition } from "./schema.js";

/**
 * One table: every document once in every index. A clone is cheap and shares its nodes with the original
 * until either is written, so each transaction works on clones of its own.
 */
export class Table {
  readonly #trees: Map<IndexDefinition, IndexTree<StoredDocument>>;

  private constructor(
    readonly name: string,
    trees: Map<IndexDefinition, IndexTree<StoredDocument>>,
  ) {
    this.#trees = trees;
  }

  static create(name: string, indexes: readonly IndexDefinition[] = []): Table {
    const all = [BY_ID, BY_CREATION_TIME, ...indexes];
    return new Table(name, new Map(all.map((index) => [index, createIndexTree<StoredDocument>()])));
  }

  clone(): Table {
    return new Table(this.name, new Map([...this.#trees].map(([index, tree]) => [index, tree.clone()])));
  }

  /** The same documents with other indexes; trees of unchanged definitions are kept. */
  withIndexes(indexes: readonly IndexDefinition[]): Table {
    const trees = new Map<IndexDefinition, IndexTree<StoredDocument>>();
    const added: IndexDefinition[] = [];
    for (const index of [BY_ID, BY_CREATION_TIME, ...indexes]) {
      const kept = this.#trees.get(index);
      if (kept === undefined) added.push(index);
      trees.set(index, kept ?? createIndexTree<StoredDocument>());
    }
    if (added.length > 0) {
      for (const document of this.documents()) {
        document.prepareKeys(added);
        for (const index of added) trees.get(index)!.set(document.keyIn(index), document);
      }
    }
    return new Table(this.name, trees);
  }

  get size(): number {
    return this.#trees.get(BY_ID)!.size;
  }

  get indexes(): IndexDefinition[] {
    return [...this.#trees.keys()];
  }

  index(name: string): IndexDefinition | undefined {
    return this.indexes.find((index) => index.name === name);
  }

  get(id: string): StoredDocument | undefined {
    return this.#trees.get(BY_ID)!.get({ values: [id], edge: 0 });
  }

  put(document: StoredDocument, previous: StoredDocument | undefined): void {
    if (previous) this.remove(previous);
    for (const [index, tree] of this.#trees) tree.set(document.keyIn(index), document);
  }

  remove(document: StoredDocument): void {
    for (const [index, tree] of this.#trees) tree.delete(document.keyIn(index));
  }

  /** The first document of a range of an index, in the given order; undefined when the range is empty. */
  first(index: IndexDefinition, range: KeyRange, order: "asc" | "desc"): StoredDocument | undefined {
    const tree = this.#trees.get(index)!;
    if (order === "asc") {
      const pair = tree.nextHigherPair(range.lower);
      return pair && compareKeys(pair[0], range.upper) < 0 ? pair[1] : undefined;
    }
    const pair = tree.nextLowerPair(range.upper);
    return pair && compareKeys(pair[0], range.lower) > 0 ? pair[1] : undefined;
  }

  /** All documents in the order of their creation. */
  documents(): IterableIterator<StoredDocument> {
    return this.#trees.get(BY_CREATION_TIME)!.values();
  }
}
