import { isSameDecimal } from "./decimal.js";

/**
 * How the oracle reads a mirrored value back. Written from the documentation of the encodings (docs/values.md), not from code: nothing here imports the sync.
 */
export type Reading =
  /** Of a floating-point type. */
  | "number"
  /** Of a type of digits, which has no -0. */
  | "decimal"
  | "int64"
  | "boolean"
  | "string"
  | "date"
  | "timestamp"
  | "timestamptz"
  | "bytes"
  | "jsonb"
  | { arrayOf: Reading };

/** A value of another kind or form than its column's documentation says. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/**
 * The text that Postgres's input function makes the source's value of; null for SQL NULL.
 * @throws Unreadable
 */
export function readValue(value: unknown, reading: Reading): string | null {
  if (value === undefined) throw new Unreadable("the document lacks the field");
  if (value === null) return null;
  if (typeof reading === "object") return readArray(value, reading.arrayOf);
  switch (reading) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(expectType(value, "number"));
    case "decimal":
      if (Object.is(value, -0)) throw new Unreadable("-0 where no number is");
      return String(expectType(value, "number"));
    case "int64":
      return String(expectType(value, "bigint"));
    case "boolean":
      return String(expectType(value, "boolean"));
    case "string":
      return expectType(value, "string");
    case "date":
      return readTime(value, /^([+-]?\d+)(-\d\d-\d\d)()()$/);
    case "timestamp":
      return readTime(value, /^([+-]?\d+)(-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d{6})()$/);
    case "timestamptz":
      return readTime(value, /^([+-]?\d+)(-\d\d-\d\d)T(\d\d:\d\d:\d\d\.\d{6})(Z)$/);
    case "bytes":
      if (!(value instanceof ArrayBuffer)) throw new Unreadable("not bytes");
      return `\\x${Buffer.from(value).toString("hex")}`;
    case "jsonb":
      return writeJson(value, true);
  }
}

interface Types {
  number: number;
  bigint: bigint;
  boolean: boolean;
  string: string;
}

function expectType<Name extends keyof Types>(value: unknown, name: Name): Types[Name] {
  if (typeof value !== name) throw new Unreadable(`a ${typeof value} where a ${name} is documented`);
  return value as Types[Name];
}

/** ISO 8601 with a year 0000 and signed years of six digits and more; Postgres writes BC and no year 0. */
function readTime(value: unknown, form: RegExp): string {
  const text = expectType(value, "string");
  if (text === "infinity" || text === "-infinity") return text;
  const match = form.exec(text);
  if (match === null) throw new Unreadable("a time in another form than is documented");
  const [, yearText = "", monthAndDay = "", time = "", zone = ""] = match;
  const plain = /^\d{4}$/.test(yearText);
  if (!plain && !/^[+-]\d{6,}$/.test(yearText))
    throw new Unreadable("a year in another form than is documented");
  const year = Number(yearText);
  const shown = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return `${shown}${monthAndDay}${time && ` ${time}`}${zone && "+00"}${year > 0 ? "" : " BC"}`;
}

function readArray(value: unknown, element: Reading): string {
  if (typeof value === "string") return value; // bounds of its own, or jsonb of several dimensions: the literal
  if (!Array.isArray(value)) throw new Unreadable("neither an array nor an array's literal");
  const items = value.map((item: unknown) => {
    if (Array.isArray(item) && element !== "jsonb") return readArray(item, element);
    const text = readValue(item, element);
    return text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${items.join(",")}}`;
}

/** @param isWhole what SQL would call NULL is wrapped at the top, and nowhere else */
function writeJson(value: unknown, isWhole: boolean): string {
  if (typeof value === "number") {
    if (Object.is(value, -0) || !Number.isFinite(value)) throw new Unreadable("a number that no jsonb has");
    return JSON.stringify(value);
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: unknown) => writeJson(item, false)).join(",")}]`;
  if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
    throw new Unreadable("something that no jsonb has");
  }
  const fields = Object.entries(value);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) {
    const [key, content] = only as [string, unknown];
    if (isWhole && key === "~null" && content === true) return "null";
    if (key === "~number") return readLongNumber(expectType(content, "string"));
    if (key === "~entries") return writeFields(content as [string, unknown][]);
  }
  return writeFields(fields.map(([key, item]) => [readKey(key), item]));
}

/** Digits that a double does not give back: no other number is wrapped. */
function readLongNumber(text: string): string {
  if (isSameDecimal(String(Number(text)), text)) throw new Unreadable("a number as text that a double holds");
  return text;
}

/** The key of a jsonb that a document's key stands for: escaped where it has to be, and nowhere else. */
function readKey(key: string): string {
  const read = key.startsWith("~") && key !== "~null" ? decodeURIComponent(key.slice(1)) : key;
  if (key !== escapeKey(read)) throw new Unreadable("a key escaped otherwise than is documented");
  return read;
}

function escapeKey(key: string): string {
  if (/^[\x20-\x7e]+$/.test(key) && !/^[$~]/.test(key) && key !== "__proto__") return key;
  let escaped = "~";
  for (const byte of Buffer.from(key)) {
    const kept = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    escaped += kept ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

/** How many values it is: those inside of arrays and of jsonb are counted one by one. */
export function countValues(value: unknown, reading: Reading): number {
  if (typeof reading === "object" && Array.isArray(value)) {
    return value.reduce((sum: number, item) => sum + countValues(item, reading), 0);
  }
  return reading === "jsonb" ? countLeaves(value) : 1;
}

function countLeaves(value: unknown): number {
  if (value === null || typeof value !== "object") return 1;
  const items: unknown[] = Object.values(value);
  const [only] = Object.keys(value);
  if (items.length === 1 && (only === "~null" || only === "~number")) return 1;
  if (items.length === 1 && only === "~entries") {
    return (items[0] as [string, unknown][]).reduce((sum, [, item]) => sum + countLeaves(item), 0);
  }
  return items.reduce((sum: number, item) => sum + countLeaves(item), 0);
}

function writeFields(fields: [string, unknown][]): string {
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item, false)}`).join(",")}}`;
}
