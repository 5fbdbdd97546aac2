import { isSameDecimal, LONG_NUMBER } from "./decimal.js";

/**
 * Compares a jsonb, as Postgres prints it, with the value that a document holds. What the document has to look like is
 * stated here once more, from the README and not from the encoder:
 *
 * - a key that is empty or `__proto__`, begins with `$` or `~`, or is not all printable ASCII, is `~` and the key, `%`
 *   and all but printable ASCII percent-encoded as UTF-8;
 * - a number that a double does not give back is `{"~number": "its digits"}`;
 * - `null` as the whole value is `{"~null": true}`, since SQL's NULL is null.
 */
export function compareJson(text: string, actual: unknown): JsonComparison {
  const comparison: JsonComparison = { values: 0, difference: null };
  const expected = parse(text);
  if (expected === null) {
    comparison.values++;
    if (!isWrapped("~null", true, actual)) comparison.difference = 'not {"~null": true}';
  } else {
    compare(expected, actual, "", comparison);
  }
  return comparison;
}

export interface JsonComparison {
  /** Strings, numbers, booleans and nulls compared. */
  values: number;
  /** Where the two first differ, and how; never a value. Null: they are equal. */
  difference: string | null;
}

/** A number of more digits than a double is sure to hold, by its text. */
class LongNumber {
  constructor(readonly text: string) {}
}

type Json = null | boolean | number | string | LongNumber | Json[] | { [key: string]: Json };

/** JSON.parse, but long numbers keep their digits: each is handed through it as a string with a mark. */
function parse(text: string): Json {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text) as Json;
  // Not in any jsonb: Postgres refuses \u0000.
  const mark = "\u0000";
  const marked = text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.]*/g, (token) =>
    token.startsWith('"') || !LONG_NUMBER.test(token) ? token : JSON.stringify(mark + token),
  );
  return JSON.parse(marked, (_key, value: Json) =>
    typeof value === "string" && value.startsWith(mark) ? new LongNumber(value.slice(1)) : value,
  ) as Json;
}

function compare(expected: Json, actual: unknown, path: string, result: JsonComparison): void {
  if (result.difference !== null) return;
  if (expected instanceof LongNumber) {
    result.values++;
    if (!isLongNumber(expected.text, actual)) result.difference = `another number at ${path || "the top"}`;
  } else if (expected === null || typeof expected !== "object") {
    result.values++;
    if (!Object.is(expected, actual)) {
      result.difference = `${describe(expected, actual)} at ${path || "the top"}`;
    }
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      result.difference = `not an array of ${expected.length} at ${path || "the top"}`;
      return;
    }
    for (const [index, item] of expected.entries()) {
      compare(item, actual[index], `${path}[${index}]`, result);
    }
  } else {
    compareObject(expected, actual, path, result);
  }
}

function compareObject(
  expected: { [key: string]: Json },
  actual: unknown,
  path: string,
  result: JsonComparison,
): void {
  if (!isPlainObject(actual)) {
    result.difference = `no object at ${path || "the top"}`;
    return;
  }
  const keys = Object.keys(expected);
  for (const key of keys) {
    const mirrored = mirroredKey(key);
    if (!Object.hasOwn(actual, mirrored)) {
      result.difference ??= `a key is missing at ${path || "the top"}`;
      return;
    }
    compare(expected[key]!, actual[mirrored], `${path}.${mirrored}`, result);
  }
  // Keys are mirrored one to one, so as many and all of them there means: the same.
  if (Object.keys(actual).length !== keys.length) result.difference ??= `extra keys at ${path || "the top"}`;
}

/** As a plain number only where a double gives back every digit; else as its text, digit by digit. */
function isLongNumber(text: string, actual: unknown): boolean {
  const fitsDouble = isSameDecimal(String(Number(text)), text);
  if (fitsDouble) return typeof actual === "number" && Object.is(actual, Number(text));
  return isWrapped("~number", text, actual);
}

function isWrapped(key: string, value: string | true, actual: unknown): boolean {
  return isPlainObject(actual) && Object.keys(actual).length === 1 && actual[key] === value;
}

function mirroredKey(key: string): string {
  const plain = /^[\x20-\x7e]+$/.test(key) && !/^[$~]/.test(key) && key !== "__proto__";
  if (plain) return key;
  let mirrored = "~";
  for (const byte of Buffer.from(key)) {
    const kept = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    mirrored += kept ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return mirrored;
}

/** What is wrong about a scalar, without saying what it is. */
export function describe(expected: unknown, actual: unknown): string {
  const [wanted, found] = [typeName(expected), typeName(actual)];
  return wanted === found ? `another ${wanted}` : `${found} instead of ${wanted}`;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return value === undefined ? "nothing" : typeof value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
