import { convexToJson, getConvexSize, type JSONValue, type Value } from "convex/values";
import { decodeValue } from "./decode.js";
import type { IndexKey } from "./order.js";
import type { IndexDefinition } from "./schema.js";
import { sortKeyBytes } from "../../src/model/write-size.js";

export type DocumentValue = Record<string, Value>;
type JsonObject = Record<string, JSONValue>;

/**
 * A version of a document, never changed once made. It is kept as JSON text in Convex's encoding: what
 * functions receive anyway, compact, and equal exactly when the documents are equal.
 */
export class StoredDocument {
  readonly #keys = new Map<IndexDefinition, { key: IndexKey; bytes: number }>();

  private constructor(
    readonly table: string,
    readonly id: string,
    readonly creationTime: number,
    readonly json: string,
    /** As Convex counts it, system fields included. */
    readonly bytes: number,
  ) {}

  /** `fields` holds the document without its system fields, in Convex's JSON encoding. */
  static create(
    table: string,
    id: string,
    creationTime: number,
    fields: JsonObject,
    bytes: number,
  ): StoredDocument {
    const ordered: JsonObject = { _creationTime: creationTime, _id: id };
    for (const name of Object.keys(fields).sort()) ordered[name] = fields[name]!;
    return new StoredDocument(table, id, creationTime, JSON.stringify(ordered), bytes);
  }

  value(): DocumentValue {
    return decodeValue(JSON.parse(this.json) as JSONValue) as DocumentValue;
  }

  /** The fields without `_id` and `_creationTime`, in Convex's JSON encoding. */
  fields(): JsonObject {
    const { _id, _creationTime, ...fields } = JSON.parse(this.json) as JsonObject;
    return fields;
  }

  /** Where this version stands in an index. Computed once: every tree that holds the version shares it. */
  keyIn(index: IndexDefinition): IndexKey {
    return this.#entry(index).key;
  }

  /** Bytes of its entry in an index, as they are billed. */
  keyBytes(index: IndexDefinition): number {
    return this.#entry(index).bytes;
  }

  /** Bytes of its key in an index, as Convex stores it. */
  storedKeyBytes(index: IndexDefinition): number {
    return this.keyIn(index).values.reduce<number>((sum, value) => sum + sortKeyBytes(value), 0);
  }

  /** Computes the keys of several indexes with one parse. */
  prepareKeys(indexes: readonly IndexDefinition[], value: DocumentValue = this.value()): void {
    for (const index of indexes) {
      if (!this.#keys.has(index)) this.#keys.set(index, this.#compute(index, value));
    }
  }

  #entry(index: IndexDefinition) {
    let entry = this.#keys.get(index);
    if (entry === undefined) {
      entry = this.#compute(index, this.value());
      this.#keys.set(index, entry);
    }
    return entry;
  }

  #compute(index: IndexDefinition, value: DocumentValue) {
    const values = index.fields.map((path) =>
      path === "_id" ? this.id : path === "_creationTime" ? this.creationTime : fieldAt(value, path),
    );
    return {
      key: { values, edge: 0 as const },
      bytes: values.reduce<number>((sum, value) => sum + (value === undefined ? 1 : getConvexSize(value)), 0),
    };
  }
}

/** The value at a path such as "address.city"; undefined when there is none. */
export function fieldAt(value: DocumentValue, path: string): Value | undefined {
  let at: Value | undefined = value;
  for (const name of path.split(".")) {
    if (typeof at !== "object" || at === null || Array.isArray(at) || at instanceof ArrayBuffer)
      return undefined;
    const fields = at as DocumentValue;
    at = Object.hasOwn(fields, name) ? fields[name] : undefined;
  }
  return at;
}

/** Bytes that `_id` and `_creationTime` add to a document: field names, terminators and values. */
export const SYSTEM_FIELD_BYTES =
  getConvexSize({ _id: "0".repeat(32), _creationTime: 0 }) - getConvexSize({});

export const toFields = (value: DocumentValue): JsonObject => convexToJson(value) as JsonObject;
