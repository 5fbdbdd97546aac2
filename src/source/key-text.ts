/**
 * The canonical key text, as the SQL function `datahub_sync.key_expression` prints it: one column's text as it is;
 * several columns' texts joined by commas, with commas and backslashes inside them escaped.
 */
export function splitKey(key: string, columnCount: number): string[] {
  if (columnCount === 1) return [key];
  const parts = partsOf(key);
  if (parts.length !== columnCount) {
    throw new RangeError(`A key of ${columnCount} columns was expected; this one has ${parts.length}.`);
  }
  return parts;
}

/** Whether it can be the text of such a key: one that was recorded when the key had other columns may not. */
export function fitsKey(key: string, columnCount: number): boolean {
  return columnCount === 1 || partsOf(key).length === columnCount;
}

function partsOf(key: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let at = 0; at < key.length; at++) {
    const character = key[at]!;
    if (character === "\\") part += key[++at] ?? "";
    else if (character === ",") {
      parts.push(part);
      part = "";
    } else part += character;
  }
  parts.push(part);
  return parts;
}

/** As `splitKey`, for many keys: one list per key column. */
export function splitKeys(keys: readonly string[], columnCount: number): string[][] {
  const columns: string[][] = Array.from({ length: columnCount }, () => []);
  for (const key of keys) splitKey(key, columnCount).forEach((part, index) => columns[index]!.push(part));
  return columns;
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
