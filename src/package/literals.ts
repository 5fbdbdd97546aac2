/** A range with something in it. A bound that is null is absent: the range goes on without end. */
export interface Bounds<T> {
  lower: T | null;
  upper: T | null;
  lowerInclusive: boolean;
  upperInclusive: boolean;
}

export type Range<T> = "empty" | Bounds<T>;

/** The elements of an array as texts, null for NULL; an array of several dimensions nests. */
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
