import type { Reading } from "./column-reading.js";

export interface MirroredColumn {
  name: string;
  /** The field of the Convex document. */
  field: string;
  /** The type, as SQL names it. */
  sqlType: string;
  reading: Reading;
}

/** What the oracle has to know of a table to compare it with its mirror. */
export interface MirroredTable {
  /** The relation in Postgres. */
  relation: string;
  /** The Convex table. */
  mirror: string;
  columns: readonly MirroredColumn[];
  key: readonly string[];
}

/** What differs; values may appear, for the torture made them all up. */
export interface Difference {
  table: string;
  key: string;
  what: string;
}

/** What the oracle reads of a deployment: the documents as they are, without a function of the sync. */
export interface Documents {
  tableDocuments(table: string): Iterable<Record<string, unknown> & { _id: string }>;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string | null): string {
  return text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;
}

/**
 * A row's key as the ledger is documented to name it: one column's text, or several texts joined by commas with the
 * commas and backslashes in them escaped. Compared by its bytes: a collation may call two texts equal.
 */
export function keyText(key: readonly string[], row: string): string {
  const texts = key.map((name) => `(${row}.${quoteName(name)})::text COLLATE "C"`);
  const escaped = texts.map((text) => `replace(replace(${text}, '\\', '\\\\'), ',', '\\,')`);
  return `(${texts.length === 1 ? texts[0]! : escaped.join(" || ',' || ")})`;
}

/** Settings in which two texts of one value are equal. */
export const PINNED_SETTINGS = {
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
} as const;
