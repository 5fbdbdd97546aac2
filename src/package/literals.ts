/**
 * A range with something in it. A bound that is null is absent: the range goes on without end.
 * @example
 * ```ts
 * import { decodeMultirange, type Bounds } from "datahub-sync/values";
 *
 * function lengthOf({ lower, upper }: Bounds<number>): number {
 *   return lower === null || upper === null ? Infinity : upper - lower;
 * }
 * decodeMultirange("{[1,3),[7,)}", Number).map(lengthOf); // [2, Infinity]
 * ```
 */
export interface Bounds<T> {
  lower: T | null;
  upper: T | null;
  lowerInclusive: boolean;
  upperInclusive: boolean;
}

/**
 * A range, which may hold nothing.
 * @example
 * ```ts
 * import { decodeRange, toDate, type Range } from "datahub-sync/values";
 *
 * function hasEnded(period: Range<Date>, now: Date): boolean {
 *   return period === "empty" || (period.upper !== null && period.upper <= now);
 * }
 * hasEnded(decodeRange("[2024-01-01,2024-02-01)", toDate), new Date("2025-01-01")); // true
 * ```
 */
export type Range<T> = "empty" | Bounds<T>;

/**
 * The elements of an array as texts, null for NULL; an array of several dimensions nests.
 * @example
 * ```ts
 * import { decodeArray, type ArrayTexts } from "datahub-sync/values";
 *
 * function sum(items: ArrayTexts): number {
 *   return items.reduce<number>((total, item) => total + (Array.isArray(item) ? sum(item) : Number(item)), 0);
 * }
 * sum(decodeArray("[0:1][1:2]={{1,2},{3,4}}").items); // 10
 * ```
 */
export type ArrayTexts = (string | null | ArrayTexts)[];

/** A bound of a range, or a field of a composite: nothing for none, in quotes where it would be misread otherwise. */
const FIELD = String.raw`("(?:[^"\\]|\\.|"")*"|[^"\\()[\],]*)`;
const RANGE = new RegExp(String.raw`([[(])${FIELD},${FIELD}([\])])`, "sy");
const COMPOSITE_FIELD = new RegExp(String.raw`("(?:[^"\\]|\\.|"")*"|[^"\\(),]*)([,)])`, "sy");
const LOWER_BOUNDS = /^(?:\[-?\d+:-?\d+\])+=/;

/**
 * Reads a mirrored range, `[1,5)`.
 * @param readBound what becomes of a bound's text, such as `Number`, `BigInt` or `toDate`. By default it stays text.
 * @throws SyntaxError when the text is no range
 * @example
 * ```ts
 * import { decodeRange } from "datahub-sync/values";
 *
 * decodeRange("[1,5)", Number); // { lower: 1, upper: 5, lowerInclusive: true, upperInclusive: false }
 * decodeRange("empty"); // "empty"
 * ```
 */
export function decodeRange(text: string): Range<string>;
export function decodeRange<T>(text: string, readBound: (text: string) => T): Range<T>;
export function decodeRange(text: string, readBound: (text: string) => unknown = same): Range<unknown> {
  if (text === "empty") return "empty";
  RANGE.lastIndex = 0;
  const range = readRange(text, readBound);
  return RANGE.lastIndex === text.length ? range : refuse("range");
}

/**
 * Reads a mirrored multirange, `{[1,5),[7,9)}`, as its ranges in order.
 * @param readBound as of `decodeRange`
 * @throws SyntaxError when the text is no multirange
 * @example
 * ```ts
 * import { decodeMultirange } from "datahub-sync/values";
 *
 * const shifts = decodeMultirange("{[1,3),[7,9)}", Number);
 * shifts.map(({ lower, upper }) => [lower, upper]); // [[1, 3], [7, 9]]
 * ```
 */
export function decodeMultirange(text: string): Bounds<string>[];
export function decodeMultirange<T>(text: string, readBound: (text: string) => T): Bounds<T>[];
export function decodeMultirange(
  text: string,
  readBound: (text: string) => unknown = same,
): Bounds<unknown>[] {
  if (text === "{}") return [];
  const ranges: Bounds<unknown>[] = [];
  let at = 0;
  do {
    RANGE.lastIndex = at + 1; // behind the brace or the comma
    ranges.push(readRange(text, readBound));
    at = RANGE.lastIndex;
  } while (text[at] === ",");
  return text[0] === "{" && text[at] === "}" && at === text.length - 1 ? ranges : refuse("multirange");
}

/**
 * Reads a mirrored composite, `(1,"a b",)`, as the texts of its fields in order, null for NULL.
 * @throws SyntaxError when the text is no composite
 * @example
 * ```ts
 * import { decodeComposite } from "datahub-sync/values";
 *
 * decodeComposite('(1,"a b",)'); // ["1", "a b", null]
 * ```
 */
export function decodeComposite(text: string): (string | null)[] {
  if (text[0] !== "(") return refuse("composite");
  const fields: (string | null)[] = [];
  COMPOSITE_FIELD.lastIndex = 1;
  for (;;) {
    const [, field, end] = COMPOSITE_FIELD.exec(text) ?? refuse("composite");
    fields.push(readField(field!));
    if (end === ",") continue;
    return COMPOSITE_FIELD.lastIndex === text.length ? fields : refuse("composite");
  }
}

/**
 * Reads an array's literal, the form in which an array is mirrored that a list does not express: with lower bounds
 * other than 1 (`[0:1]={5,6}`), or of elements that are lists themselves in several dimensions.
 * @param delimiter the element type's: a comma for all but box
 * @returns the index of the first element in each dimension, and the elements as the texts that Postgres prints
 * @throws SyntaxError when the text is no array literal
 * @example
 * ```ts
 * import { decodeArray } from "datahub-sync/values";
 *
 * decodeArray("[0:1]={5,6}"); // { lowerBounds: [0], items: ["5", "6"] }
 * ```
 */
export function decodeArray(text: string, delimiter = ","): { lowerBounds: number[]; items: ArrayTexts } {
  const bounds = LOWER_BOUNDS.exec(text)?.[0] ?? "";
  const items = readItems(text, bounds.length, delimiter);
  if (bounds !== "") {
    return { lowerBounds: [...bounds.matchAll(/\[(-?\d+):/g)].map(([, lower]) => Number(lower)), items };
  }
  const lowerBounds: number[] = [];
  for (let level: ArrayTexts | string | null = items; Array.isArray(level); level = level[0] ?? null) {
    if (level.length > 0) lowerBounds.push(1);
  }
  return { lowerBounds, items };
}

/** @param at where the first brace stands */
function readItems(text: string, at: number, delimiter: string): ArrayTexts {
  function readList(): ArrayTexts {
    const items: ArrayTexts = [];
    if (text[at] !== "{") refuse("array");
    at++;
    while (text[at] !== "}") {
      if (at >= text.length) refuse("array");
      if (text[at] === "{") items.push(readList());
      else items.push(text[at] === '"' ? readQuoted() : readBare());
      if (text[at] === delimiter) at++;
    }
    at++;
    return items;
  }

  function readQuoted(): string {
    let element = "";
    let from = ++at;
    while (text[at] !== '"') {
      if (at >= text.length) refuse("array");
      if (text[at] === "\\") {
        element += text.slice(from, at);
        from = ++at; // what a backslash stands before is meant literally
      }
      at++;
    }
    element += text.slice(from, at);
    at++;
    return element;
  }

  function readBare(): string | null {
    const from = at;
    while (at < text.length && text[at] !== delimiter && text[at] !== "}") at++;
    const element = text.slice(from, at);
    return element === "NULL" ? null : element;
  }

  const items = readList();
  return at === text.length ? items : refuse("array");
}

function readRange(text: string, readBound: (text: string) => unknown): Bounds<unknown> {
  const [, opening, lowerField, upperField, closing] = RANGE.exec(text) ?? refuse("range");
  const [lower, upper] = [readField(lowerField!), readField(upperField!)];
  return {
    lower: lower === null ? null : readBound(lower),
    upper: upper === null ? null : readBound(upper),
    lowerInclusive: opening === "[",
    upperInclusive: closing === "]",
  };
}

function readField(field: string): string | null {
  if (field === "") return null;
  if (!field.startsWith('"')) return field;
  return field.slice(1, -1).replace(/""|\\(.)/gs, (_, escaped?: string) => escaped ?? '"');
}

function same(text: string): string {
  return text;
}

function refuse(what: string): never {
  throw new SyntaxError(`The text is no ${what} that Postgres prints.`);
}
