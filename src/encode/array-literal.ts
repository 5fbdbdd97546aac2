import { Unencodable } from "./codec.js";

/** The elements of a Postgres array as texts; an array of several dimensions nests. */
export type ArrayTexts = (string | null | ArrayTexts)[];

/**
 * Parses what `array_out` prints.
 * @param delimiter the element type's: a comma for all but box
 * @throws Unencodable when the text is none of it
 * @returns null for an array with bounds of its own ("[0:1]={…}"), which no list expresses
 */
export function parseArrayLiteral(text: string, delimiter: string): ArrayTexts | null {
  if (!text.startsWith("{")) return null;
  let at = 0;

  function readList(): ArrayTexts {
    const items: ArrayTexts = [];
    at++;
    while (text[at] !== "}") {
      if (at >= text.length) throw notPrintedAsArray();
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
      if (at >= text.length) throw notPrintedAsArray();
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

  return readList();
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

function notPrintedAsArray(): Unencodable {
  return new Unencodable("UNSUPPORTED_VALUE", "it is not printed as an array");
}
