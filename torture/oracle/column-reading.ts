/**
 * How the oracle reads a mirrored value back. Written from the documentation of the encodings (the tables in
 * src/encode/type-table.ts and convex/datahubSyncJson.ts), not from their code: nothing here imports the sync.
 */
export type Reading =
  | "number"
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

/** The text that Postgres's input function makes the source's value of; null for SQL NULL. */
export function readValue(value: unknown, reading: Reading): string | null {
  if (value === undefined || value === null) return null;
  if (typeof reading === "object") return readArray(value, reading.arrayOf);
  switch (reading) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(expectType(value, "number"));
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
      return writeJson(value);
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

function writeJson(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) {
    const [key, content] = only as [string, unknown];
    if (key === "~null") return "null";
    if (key === "~number") return expectType(content, "string");
    if (key === "~entries") return writeFields(content as [string, unknown][]);
  }
  return writeFields(
    fields.map(([key, item]) => [key.startsWith("~") ? decodeURIComponent(key.slice(1)) : key, item]),
  );
}

function writeFields(fields: [string, unknown][]): string {
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`).join(",")}}`;
}
