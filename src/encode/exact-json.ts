import { checkDepth } from "./container-limits.js";

/** A number of JSON that a double does not give back. Postgres prints the numbers of a jsonb exactly. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

export type ExactJson =
  null | boolean | number | string | ExactNumber | ExactJson[] | { [key: string]: ExactJson };

/**
 * Parses a valid jsonb without losing a digit.
 * @throws Unencodable when it nests deeper than a document can; only noticed here when numbers are inexact
 */
export function parseJsonb(text: string): ExactJson {
  return hasLongInexactNumber(text) ? parseByTokens(text) : (JSON.parse(text) as ExactJson);
}

/** The same for a json, which may also hold exponents. Of equal keys the last one counts, as in jsonb. */
export function parseJson(text: string): ExactJson {
  return /\d[eE]/.test(text) ? parseByTokens(text) : parseJsonb(text);
}

/** Digits and points from which on a double may not give a number back: 15 digits always survive. */
const SUSPECT_LENGTH = 16;

/**
 * Looks for long numbers at every 16th character alone: a run of 16 covers one of them. Scanning the whole text with
 * a regular expression takes half as long as parsing it.
 */
function hasLongInexactNumber(text: string): boolean {
  for (let probe = SUSPECT_LENGTH - 1; probe < text.length; probe += SUSPECT_LENGTH) {
    if (!isDigitOrPoint(text.charCodeAt(probe))) continue;
    let start = probe;
    let end = probe + 1;
    while (isDigitOrPoint(text.charCodeAt(start - 1))) start--;
    while (isDigitOrPoint(text.charCodeAt(end))) end++;
    if (end - start < SUSPECT_LENGTH) continue;
    if (mayBeginNumber(text, start) && !survivesAsDouble(text.slice(start, end))) return true;
    probe = end - 1;
  }
  return false;
}

function isDigitOrPoint(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2e;
}

/** False where the digits certainly stand in a string. */
function mayBeginNumber(text: string, start: number): boolean {
  const before = text[start - 1] === "-" ? start - 2 : start - 1;
  return before < 0 || /[\s:,[]/.test(text[before]!);
}

/** Whether the double nearest to a decimal number prints as an equal number. Digits that are no number lose nothing. */
export function survivesAsDouble(text: string): boolean {
  const printed = String(Number(text));
  return printed === text || canonicalDecimal(printed) === canonicalDecimal(text);
}

/** One text for all notations of a number: sign, digits without zeros at the ends, power of ten. */
function canonicalDecimal(text: string): string | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return null; // Infinity, when the number was too large
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const digits = whole! + fraction;
  let start = 0;
  let end = digits.length;
  while (digits[start] === "0") start++;
  if (start === end) return "0"; // -0 too, as in numeric
  while (digits[end - 1] === "0") end--;
  const power = Number(exponent) - fraction.length + (digits.length - end);
  return `${sign}${digits.slice(start, end)}e${power}`;
}

/**
 * The slow path. It may trust Postgres that the text is valid JSON, so separators mean nothing: brackets and the
 * order of the tokens say it all.
 */
function parseByTokens(text: string): ExactJson {
  let at = 0;
  let depth = 1; // the document

  function nextToken(): string {
    SEPARATORS.lastIndex = at;
    SEPARATORS.test(text);
    const start = SEPARATORS.lastIndex;
    const first = text[start]!;
    if (first === '"') at = findStringEnd(text, start);
    else if ("{}[]".includes(first)) at = start + 1;
    else {
      BARE_TOKEN.lastIndex = start;
      BARE_TOKEN.test(text);
      at = BARE_TOKEN.lastIndex;
    }
    return text.slice(start, at);
  }

  function readValue(token: string): ExactJson {
    if (token === "{") return readContainer(readObject);
    if (token === "[") return readContainer(readArray);
    if (token.startsWith('"')) return readString(token);
    if (/^[-\d]/.test(token)) return survivesAsDouble(token) ? Number(token) : new ExactNumber(token);
    return JSON.parse(token) as boolean | null;
  }

  function readContainer(read: () => ExactJson): ExactJson {
    checkDepth(++depth);
    const value = read();
    depth--;
    return value;
  }

  function readObject(): ExactJson {
    const entries: [string, ExactJson][] = [];
    for (let token = nextToken(); token !== "}"; token = nextToken()) {
      entries.push([readString(token), readValue(nextToken())]);
    }
    return Object.fromEntries(entries); // defines `__proto__`, where an assignment would not
  }

  function readArray(): ExactJson {
    const items: ExactJson[] = [];
    for (let token = nextToken(); token !== "]"; token = nextToken()) items.push(readValue(token));
    return items;
  }

  return readValue(nextToken());
}

function readString(token: string): string {
  return token.includes("\\") ? (JSON.parse(token) as string) : token.slice(1, -1);
}

const SEPARATORS = /[\s,:]*/y;
const BARE_TOKEN = /[^\s,:[\]{}"]*/y;

/** Just behind the closing quote. By hand: a regular expression would keep a state for each character. */
function findStringEnd(text: string, start: number): number {
  let quote = start;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}
