import type { KeyKind } from "../model/key-part.js";
import { dateText, timestampText } from "./key-time.js";

/**
 * The columns' values as texts that Postgres reads, from the canonical key text.
 * @throws RangeError for a text that is no such key: it was recorded when the key had other columns
 */
export function splitKey(key: string, kinds: readonly KeyKind[]): string[] {
  const only = kinds.length === 1;
  const parts: string[] = [];
  let at = 0;
  for (const kind of kinds) {
    const end =
      kind === "text" || kind === "bytea"
        ? only
          ? key.length
          : endOfText(key, at)
        : endOfNumber(key, at, kind);
    const text = key.slice(at, end);
    parts.push(readPart(only ? text : unescape(text, kind), kind));
    at = end + (only || (kind !== "text" && kind !== "bytea") ? 0 : 1);
  }
  if (at !== key.length) throw noSuchKey();
  return parts;
}

/** Whether it can be the text of such a key. */
export function fitsKey(key: string, kinds: readonly KeyKind[]): boolean {
  try {
    splitKey(key, kinds);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** As `splitKey`, for many keys: one list per key column. */
export function splitKeys(keys: readonly string[], kinds: readonly KeyKind[]): string[][] {
  const columns: string[][] = kinds.map(() => []);
  for (const key of keys) splitKey(key, kinds).forEach((part, index) => columns[index]!.push(part));
  return columns;
}

/** A key as SQL prints it: one column's text, or several as a row, `(eu,17)`. What is no such key is shown as it is. */
export function showKey(key: string, kinds: readonly KeyKind[]): string {
  if (!fitsKey(key, kinds)) return key;
  const parts = splitKey(key, kinds);
  return parts.length === 1 ? parts[0]! : `(${parts.map(quoteField).join(",")})`;
}

/** As Postgres prints the field of a row: blanks are C's, so a line separator or a no-break space is not quoted. */
function quoteField(text: string): string {
  return text !== "" && !/[(),"\\ \t-\r]/.test(text) ? text : `"${text.replace(/["\\]/g, "$&$&")}"`;
}

const ESCAPE = "\u0002";
const END = "\u0001";

/** Where the end mark stands that no escape comes before. */
function endOfText(key: string, from: number): number {
  for (let at = from; at < key.length; at++) {
    if (key[at] === ESCAPE) at++;
    else if (key[at] === END) return at;
  }
  throw noSuchKey();
}

function unescape(text: string, kind: KeyKind): string {
  // eslint-disable-next-line no-control-regex -- these are the escapes
  return kind === "text" ? text.replace(/\u0002([\u0001\u0002])/g, "$1") : text;
}

const BEFORE_ALL_TIMES = "-";
const AFTER_ALL_TIMES = "~";

function endOfNumber(key: string, from: number, kind: KeyKind): number {
  const sign = key[from];
  if (kind !== "integer" && (sign === BEFORE_ALL_TIMES || sign === AFTER_ALL_TIMES)) return from + 1;
  const digits = Math.abs(digitsOf(sign));
  if (digits === 0 || !/^\d+$/.test(key.slice(from + 1, from + 1 + digits))) throw noSuchKey();
  const end = from + 1 + digits;
  if (end > key.length) throw noSuchKey();
  return end;
}

/** `a` is one digit, `b` two; `Z` is one digit below zero, `Y` two. Below zero the number is negative. */
function digitsOf(sign: string | undefined): number {
  if (sign !== undefined && sign >= "a" && sign < AFTER_ALL_TIMES) return sign.charCodeAt(0) - 96;
  if (sign !== undefined && sign >= "A" && sign <= "Z") return sign.charCodeAt(0) - 91;
  return 0;
}

function readPart(text: string, kind: KeyKind): string {
  if (kind === "text") return text;
  if (kind === "bytea") return `\\x${text}`;
  if (kind !== "integer" && text === BEFORE_ALL_TIMES) return "-infinity";
  if (kind !== "integer" && text === AFTER_ALL_TIMES) return "infinity";
  const digits = text.slice(1);
  const number =
    digitsOf(text[0]) > 0 ? digits : `-${digits.replace(/\d/g, (digit) => String(9 - Number(digit)))}`;
  if (kind === "integer") return number;
  return kind === "date" ? dateText(Number(number)) : timestampText(BigInt(number), kind === "timestamptz");
}

function noSuchKey(): RangeError {
  return new RangeError("The text is no key of these columns.");
}

/**
 * Compares keys in the order of their UTF-8 bytes, which is how Convex orders strings and what `COLLATE "C"` means.
 * JavaScript compares UTF-16 units, and there U+1F600 comes before U+E000.
 */
export function compareKeys(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return fixSurrogate(a) - fixSurrogate(b);
  }
  return left.length - right.length;
}

/** Moves the surrogates above U+E000 to U+FFFF, where the code points that they stand for belong. */
function fixSurrogate(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
