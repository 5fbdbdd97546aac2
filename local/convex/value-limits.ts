import { getConvexSize, type Value } from "convex/values";
import {
  MAX_ARGUMENT_BYTES,
  MAX_ARRAY_ITEMS,
  MAX_DOCUMENT_BYTES,
  MAX_DOCUMENT_NESTING,
  MAX_IDENTIFIER_CHARACTERS,
  MAX_KEY_CHARACTERS,
  MAX_OBJECT_FIELDS,
  MAX_RESULT_BYTES,
  MAX_VALUE_NESTING,
} from "./limits.js";

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Table names, index names and the fields that indexes name are identifiers; an underscore in front is Convex's. */
export function isUserIdentifier(name: string): boolean {
  return IDENTIFIER.test(name) && !name.startsWith("_") && name.length <= MAX_IDENTIFIER_CHARACTERS;
}

/** Checks a document without its system fields. Returns its size as Convex counts it, system fields included. */
export function checkDocument(document: Record<string, Value>, systemFieldBytes: number): number {
  for (const field of Object.keys(document)) {
    if (!isUserIdentifier(field)) {
      throw new Error(
        `Field name ${JSON.stringify(field)} is invalid: the fields of a document are identifiers of at most ` +
          `${MAX_IDENTIFIER_CHARACTERS} characters that do not start with "_"`,
      );
    }
  }
  // The system fields count towards the number of fields.
  const { bytes: ownBytes, levels } = measure(document, MAX_OBJECT_FIELDS - 2);
  if (levels > MAX_DOCUMENT_NESTING) {
    throw new Error(
      `Document is too nested (nested ${levels} levels deep > maximum nesting ${MAX_DOCUMENT_NESTING})`,
    );
  }
  const bytes = ownBytes + systemFieldBytes;
  if (bytes > MAX_DOCUMENT_BYTES) {
    throw new Error(`Value is too large (${bytes} bytes > maximum size ${MAX_DOCUMENT_BYTES} bytes)`);
  }
  return bytes;
}

export function checkArguments(path: string, args: Value): void {
  const { bytes } = measure(args, MAX_OBJECT_FIELDS);
  if (bytes > MAX_ARGUMENT_BYTES) {
    throw new Error(
      `Arguments for ${path} are too large (actual: ${bytes} bytes, limit: ${MAX_ARGUMENT_BYTES} bytes)`,
    );
  }
}

export function checkResult(path: string, result: Value): void {
  const { bytes } = measure(result, MAX_OBJECT_FIELDS);
  if (bytes > MAX_RESULT_BYTES) {
    throw new Error(
      `Function ${path} return value is too large (actual: ${bytes} bytes, limit: ${MAX_RESULT_BYTES} bytes)`,
    );
  }
}

export interface Measure {
  /** As `getConvexSize` counts them. */
  bytes: number;
  /** Levels of objects and arrays, the value itself being the first; 0 for a scalar. */
  levels: number;
}

/**
 * Measures a value and checks what holds for every value, wherever it stands: nesting, counts, keys, Unicode. All in
 * one walk, since every argument, result and document is walked.
 */
export function measure(value: Value, maxRootFields: number): Measure {
  let deepest = 0;
  const enter = (level: number): void => {
    if (level > MAX_VALUE_NESTING) {
      throw new Error(`Value is too nested (maximum nesting ${MAX_VALUE_NESTING})`);
    }
    if (level > deepest) deepest = level;
  };
  const sizeOf = (value: Value | undefined, level: number, maxFields: number): number => {
    if (typeof value === "string") return 2 + textBytes(value);
    if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) {
      return getConvexSize(value);
    }
    enter(level);
    let bytes = 2;
    if (Array.isArray(value)) {
      if (value.length > MAX_ARRAY_ITEMS) {
        throw new Error(`Array length is too long (${value.length} > maximum length ${MAX_ARRAY_ITEMS})`);
      }
      for (const item of value) bytes += sizeOf(item, level + 1, MAX_OBJECT_FIELDS);
      return bytes;
    }
    const fields = value as Record<string, Value | undefined>;
    const keys = Object.keys(fields);
    if (keys.length > maxFields) {
      throw new Error(`Object has too many fields (${keys.length} > maximum number ${MAX_OBJECT_FIELDS})`);
    }
    for (const key of keys) {
      checkKey(key);
      const field = fields[key];
      // Keys are ASCII, and end in a byte of their own.
      if (field !== undefined) bytes += key.length + 1 + sizeOf(field, level + 1, MAX_OBJECT_FIELDS);
    }
    return bytes;
  };
  return { bytes: sizeOf(value, 1, maxRootFields), levels: deepest };
}

function checkKey(key: string): void {
  if (key.startsWith("$")) throw new Error(`Field name ${key} starts with a '$', which is reserved.`);
  if (key.length > MAX_KEY_CHARACTERS) {
    throw new Error(`Field name exceeds maximum field name length ${MAX_KEY_CHARACTERS}.`);
  }
  if (!PRINTABLE_ASCII.test(key)) {
    throw new Error(`Field name ${key} can only contain non-control ASCII characters`);
  }
}

/** Bytes of its UTF-8, for text that has one. */
function textBytes(text: string): number {
  const bytes = Buffer.byteLength(text);
  if (bytes !== text.length) checkText(text);
  return bytes;
}

export function checkText(text: string): void {
  if (LONE_SURROGATE.test(text)) throw new Error("String is not valid Unicode: it has a lone surrogate");
}
