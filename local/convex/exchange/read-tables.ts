import type { JSONValue } from "convex/values";
import { strFromU8, unzipSync } from "fflate";
import { ImportFailed } from "./import-failed.js";

export type ImportFormat = "jsonLines" | "jsonArray" | "zip" | "csv";

export type PlainDocument = Record<string, JSONValue>;

/** A table's documents in plain JSON, with their system fields where the file has them. */
export interface TableFile {
  name: string;
  documents: PlainDocument[];
  /** The number that its ids hold; null where the file does not say. */
  number: number | null;
}

const DOCUMENTS = /^(?:.*\/)?([^/]+)\/documents\.jsonl$/;

/**
 * The tables of an imported file.
 * @throws ImportFailed
 */
export function readTables(
  file: Uint8Array,
  format: ImportFormat,
  table: string | null | undefined,
): TableFile[] {
  switch (format) {
    case "csv":
      throw new ImportFailed("The local deployment takes JSON lines, JSON arrays and exports, and no CSV.");
    case "jsonLines":
      return [{ name: table!, documents: readLines(strFromU8(file), table!), number: null }];
    case "jsonArray":
      return [{ name: table!, documents: readArray(strFromU8(file), table!), number: null }];
    case "zip":
      return readExport(file);
  }
}

function readExport(file: Uint8Array): TableFile[] {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(file, { filter: ({ name }) => DOCUMENTS.test(name) });
  } catch (error) {
    throw new ImportFailed(`This is no ZIP file that can be read: ${(error as Error).message}.`);
  }
  const tables = new Map<string, PlainDocument[]>();
  for (const [path, bytes] of Object.entries(entries)) {
    const name = DOCUMENTS.exec(path)![1]!;
    tables.set(name, readLines(strFromU8(bytes), name));
  }
  if ((tables.get("_storage") ?? []).length > 0) {
    throw new ImportFailed("It holds stored files, which the local deployment has not.");
  }
  const numbers = new Map((tables.get("_tables") ?? []).map(({ name, id }) => [name, Number(id)]));
  return [...tables]
    .filter(([name]) => !name.startsWith("_"))
    .map(([name, documents]) => ({ name, documents, number: numbers.get(name) ?? null }));
}

function readLines(text: string, table: string): PlainDocument[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, index) => asDocument(parse(line, table, index + 1), table, index + 1));
}

function readArray(text: string, table: string): PlainDocument[] {
  const parsed = parse(text, table, 1);
  if (!Array.isArray(parsed)) throw new ImportFailed(`The file for table "${table}" holds no JSON array.`);
  return parsed.map((document, index) => asDocument(document, table, index + 1));
}

function parse(text: string, table: string, number: number): JSONValue {
  try {
    return JSON.parse(text) as JSONValue;
  } catch {
    // What a parser says of a text repeats some of it.
    throw new ImportFailed(`Document ${number} of table "${table}" is no JSON.`);
  }
}

function asDocument(value: JSONValue, table: string, number: number): PlainDocument {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new ImportFailed(`Document ${number} of table "${table}" is no object.`);
}
