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
  checkShape(document, MAX_OBJECT_FIELDS - 2);
  const levels = nesting(document);
  if (levels > MAX_DOCUMENT_NESTING) {
    throw new Error(
      `Document is too nested (nested ${levels} levels deep > maximum nesting ${MAX_DOCUMENT_NESTING})`,
    );
  }
  const bytes = getConvexSize(document) + systemFieldBytes;
  if (bytes > MAX_DOCUMENT_BYTES) {
    throw new Error(`Value is too large (${bytes} bytes > maximum size ${MAX_DOCUMENT_BYTES} bytes)`);
  }
  return bytes;
}

export function checkArguments(path: string, args: Value): void {
  checkShape(args, MAX_OBJECT_FIELDS);
  const bytes = getConvexSize(args);
  if (bytes > MAX_ARGUMENT_BYTES) {
    throw new Error(
      `Arguments for ${path} are too large (actual: ${bytes} bytes, limit: ${MAX_ARGUMENT_BYTES} bytes)`,
    );
  }
}

export function checkResult(path: string, result: Value): void {
  checkShape(result, MAX_OBJECT_FIELDS);
  const bytes = getConvexSize(result);
  if (bytes > MAX_RESULT_BYTES) {
    throw new Error(
      `Function ${path} return value is too large (actual: ${bytes} bytes, limit: ${MAX_RESULT_BYTES} bytes)`,
    );
  }
}

/** What holds for every value, wherever it stands: nesting, counts, keys, Unicode. */
function checkShape(value: Value, maxRootFields: number): void {
  const visit = (value: Value | undefined, level: number, maxFields: number): void => {
    if (typeof value === "string") return checkText(value);
    if (value === null || typeof value !== "object" || value instanceof ArrayBuffer) return;
    if (level > MAX_VALUE_NESTING) {
      throw new Error(`Value is too nested (maximum nesting ${MAX_VALUE_NESTING})`);
    }
    if (Array.isArray(value)) {
      if (value.length > MAX_ARRAY_ITEMS) {
        throw new Error(`Array length is too long (${value.length} > maximum length ${MAX_ARRAY_ITEMS})`);
      }
      for (const item of value) visit(item, level + 1, MAX_OBJECT_FIELDS);
      return;
    }
    const fields = Object.entries(value as Record<string, Value>);
    if (fields.length > maxFields) {
      throw new Error(`Object has too many fields (${fields.length} > maximum number ${MAX_OBJECT_FIELDS})`);
    }
    for (const [key, field] of fields) {
      checkKey(key);
      visit(field, level + 1, MAX_OBJECT_FIELDS);
    }
  };
  visit(value, 1, maxRootFields);
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

export function checkText(text: string): void {
  if (LONE_SURROGATE.test(text)) throw new Error("String is not valid Unicode: it has a lone surrogate");
}

/** Levels of objects and arrays, the value itself being the first; 0 for a scalar. */
function nesting(value: Value | undefined): number {
  if (value === null || typeof value !== "object" || value instanceof ArrayBuffer) return 0;
  let deepest = 0;
  const parts = Array.isArray(value) ? value : Object.values(value as Record<string, Value>);
  for (const part of parts) deepest = Math.max(deepest, nesting(part));
  return deepest + 1;
}
