import { decodeArray, type ArrayTexts } from "../package/literals.js";
import { Unencodable } from "./codec.js";

export type { ArrayTexts };

/**
 * Parses what `array_out` prints.
 * @param delimiter the element type's: a comma for all but box
 * @throws Unencodable when the text is none of it
 * @returns null for an array with bounds of its own ("[0:1]={…}"), which no list expresses
 */
export function parseArrayLiteral(text: string, delimiter: string): ArrayTexts | null {
  if (text.startsWith("[")) return null;
  try {
    return decodeArray(text, delimiter).items;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Unencodable("UNSUPPORTED_VALUE", "it is not printed as an array");
  }
}

/** Prints as `array_out` does. */
export function printArrayLiteral(items: ArrayTexts, delimiter: string): string {
  const printed = items.map((item) => {
    if (item === null) return "NULL";
    return typeof item === "string" ? quoteElement(item, delimiter) : printArrayLiteral(item, delimiter);
  });
  return `{${printed.join(delimiter)}}`;
}

function quoteElement(element: string, delimiter: string): string {
  const bare = element !== "" && !/[ \t\n\v\f\r"\\{}]|^null$/i.test(element) && !element.includes(delimiter);
  return bare ? element : `"${element.replace(/["\\]/g, "\\$&")}"`;
}
