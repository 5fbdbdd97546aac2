import type { GenericSchema } from "convex/server";
import { getConvexSize, type Value } from "convex/values";

/** The fields of an index, without those that every index ends with. */
export type IndexFields = readonly string[];

/** `_creationTime` and `_id`, which every index of a schema ends with: a number, and a text of 32 letters. */
const SYSTEM_FIELDS_BYTES = 9 + (2 + 32);

/**
 * What Convex bills beside documents: the key of the index that a document was found by, and the key of a document in each
 * index of the schema that it is written to. `getTransactionMetrics` leaves both out.
 */
export class IndexKeys {
  read = 0;
  written = 0;

  noteRead(index: IndexFields, document: object): void {
    this.read += keyBytes(index, document);
  }

  noteWritten(indexes: readonly IndexFields[], document: object): void {
    for (const index of indexes) this.written += keyBytes(index, document);
  }
}

/** The fields of each index of a table. */
export function indexesOf(table: GenericSchema[string]): string[][] {
  return table[" indexes"]().map(({ fields }) => fields);
}

/** The key of a document in an index. */
export function keyBytes(index: IndexFields, document: object): number {
  return index.reduce((sum, path) => sum + valueBytes(valueAt(document, path)), SYSTEM_FIELDS_BYTES);
}

const valueBytes = (value: Value | undefined): number => (value === undefined ? 1 : getConvexSize(value));

/** A path such as "address.city" leads into nested objects. */
export function valueAt(document: object, path: string): Value | undefined {
  let value: unknown = document;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value as Value | undefined;
}
