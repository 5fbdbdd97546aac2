import BTreeModule from "sorted-btree";
import { compareValues, type Value } from "convex/values";

/** sorted-btree is a CommonJS module: bundlers unwrap its default export, Node does not. */
const BTree =
  (BTreeModule as { default?: typeof BTreeModule.default }).default ??
  (BTreeModule as unknown as typeof BTreeModule.default);

/**
 * A place in an index. A stored entry has all values of its index and edge 0. A bound has a prefix of them
 * and stands before (-1) or after (+1) every entry that begins with this prefix.
 */
export interface IndexKey {
  readonly values: readonly (Value | undefined)[];
  readonly edge: -1 | 0 | 1;
}

export type IndexTree<T> = InstanceType<typeof BTree<IndexKey, T>>;

export const createIndexTree = <T>(): IndexTree<T> => new BTree<IndexKey, T>(undefined, compareKeys);

export function compareKeys(a: IndexKey, b: IndexKey): number {
  const shared = Math.min(a.values.length, b.values.length);
  for (let i = 0; i < shared; i++) {
    const order = compareIndexed(a.values[i], b.values[i]);
    if (order !== 0) return order;
  }
  if (a.values.length === b.values.length) return a.edge - b.edge;
  return a.values.length < b.values.length ? a.edge : -b.edge;
}

/** `compareValues`, with short cuts for the two types that nearly all index keys consist of. */
export function compareIndexed(a: Value | undefined, b: Value | undefined): number {
  if (typeof a === "string" && typeof b === "string") {
    if (a === b) return 0;
    // UTF-16 and UTF-8 order differ only where surrogates are involved.
    const end = Math.min(a.length, b.length);
    for (let i = 0; i < end; i++) {
      const x = a.charCodeAt(i);
      const y = b.charCodeAt(i);
      if (x !== y) return x >= 0xd800 || y >= 0xd800 ? compareValues(a, b) : x - y;
    }
    return a.length - b.length;
  }
  if (typeof a === "number" && typeof b === "number") {
    if (a < b) return -1;
    if (a > b) return 1;
  }
  return compareValues(a, b);
}

/** All entries between two bounds; `lower` and `upper` are inclusive in the sense of their edges. */
export interface KeyRange {
  lower: IndexKey;
  upper: IndexKey;
}

export const WHOLE_INDEX: KeyRange = { lower: { values: [], edge: -1 }, upper: { values: [], edge: 1 } };

export const prefixRange = (values: readonly (Value | undefined)[]): KeyRange => ({
  lower: { values, edge: -1 },
  upper: { values, edge: 1 },
});
