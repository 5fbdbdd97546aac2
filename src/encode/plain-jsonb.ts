import { DROPPED_KEY, isPlainKey, MAX_KEY_LENGTH } from "../package/json.js";
import { CONVEX_LIMITS } from "../model/limits.js";
import type { Meter } from "./codec.js";
import { countUtf8Bytes, isWellFormed, SIZE } from "./value-size.js";

/** Digits and points that a double surely gives back, whoever reads them: below 2^53, and a power of ten it holds. */
const EXACT_LENGTH = 15;

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Whether the text of a jsonb, as Postgres prints it, is the JSON that Convex is to be sent, letter by letter: all its
 * keys are such as Convex takes, all its numbers short, and no limit of a document is passed. Then it need not be parsed, converted and printed again, which takes most of the time
 * of a first load; and the meter has been charged. Otherwise nothing has been charged, and the slow way decides.
 *
 * It trusts Postgres that the text is a valid jsonb, in its one layout: a string is a key where a colon follows it.
 */
export function chargePlainJsonb(text: string, meter: Meter): boolean {
  const plain = isPlainText(text);
  if (text === "null" || !(plain || isWellFormed(text))) return false;
  let bytes = 0;
  /** Levels of containers that are open, and what each holds so far: fields or items. */
  const open: number[] = [];
  const room = CONVEX_LIMITS.maxDocumentNesting - meter.depth;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case 0x20: // space
      case 0x2c: // comma
      case COLON:
        continue;
      case QUOTE: {
        const start = at + 1;
        at = plain ? text.indexOf('"', start) : findQuote(text, start);
        if (text.charCodeAt(at + 1) === COLON) {
          if (!(plain ? isPlainKeyAt(text, start, at) : isUnescapedPlainKey(text.slice(start, at))))
            return false;
          bytes += at - start + SIZE.key;
          continue; // its value is counted
        }
        const length = plain ? at - start : sizeOfString(text.slice(start, at));
        if (length < 0) return false;
        bytes += length + SIZE.string;
        break;
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        bytes += SIZE.container;
        if (open.length > 0) open[open.length - 1]!++;
        if (open.push(0) > room) return false;
        continue;
      case CLOSE_BRACE:
        if (open.pop()! > CONVEX_LIMITS.maxObjectFields) return false;
        continue;
      case CLOSE_BRACKET:
        if (open.pop()! > CONVEX_LIMITS.maxArrayItems) return false;
        continue;
      case 0x74: // true
        bytes += SIZE.boolean;
        at += 3;
        break;
      case 0x66: // false
        bytes += SIZE.boolean;
        at += 4;
        break;
      case 0x6e: // null
        bytes += SIZE.null;
        at += 3;
        break;
      default: {
        const end = endOfShortNumber(text, at);
        if (end < 0) return false;
        bytes += SIZE.number;
        at = end - 1;
      }
    }
    if (open.length > 0) open[open.length - 1]!++;
  }
  meter.bytes += bytes;
  return true;
}

/** All characters printable ASCII, and no escape: the length of a string is its size. DEL is the one not printable. */
export function isPlainText(text: string): boolean {
  return Buffer.byteLength(text) === text.length && !text.includes("\\") && !text.includes("\x7f");
}

/** `isPlainKey` for a key of a plain text. */
function isPlainKeyAt(text: string, from: number, to: number): boolean {
  const length = to - from;
  if (length === 0 || length > MAX_KEY_LENGTH) return false;
  const first = text[from];
  if (first === "$" || first === "~") return false;
  return first !== "_" || length !== DROPPED_KEY.length || text.slice(from, to) !== DROPPED_KEY;
}

function isUnescapedPlainKey(printed: string): boolean {
  return isPlainKey(printed) && !printed.includes("\\");
}

/** The bytes of a string as it is printed between its quotes; -1 where it is no Unicode. */
function sizeOfString(printed: string): number {
  if (!printed.includes("\\")) return countUtf8Bytes(printed);
  const value = JSON.parse(`"${printed}"`) as string;
  return isWellFormed(value) ? countUtf8Bytes(value) : -1;
}

/** The next quote that no backslash stands before, but for escaped ones. */
function findQuote(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); ; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
}

/** Behind the number, or -1 for what is none, for a long one, and for a zero with a sign, which JSON has and jsonb has not. */
function endOfShortNumber(text: string, start: number): number {
  const digits = text[start] === "-" ? start + 1 : start;
  let at = digits;
  let zero = true;
  for (; ; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2e || code === 0x30) continue;
    if (!(code >= 0x31 && code <= 0x39)) break;
    zero = false;
  }
  const length = at - digits;
  if (length === 0 || length > EXACT_LENGTH || (zero && digits > start)) return -1;
  return /[\]}, ]/.test(text[at] ?? " ") ? at : -1;
}
