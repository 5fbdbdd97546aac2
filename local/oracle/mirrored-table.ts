import type { Sql } from "postgres";
import type { Reading } from "./value-reading.js";

export interface MirroredColumn {
  name: string;
  /** The field of the Convex document. */
  field: string;
  /** The type, as SQL names it; of a domain, or the one under it. */
  sqlType: string;
  reading: Reading;
  /**
   * Compared as it prints. A composite keeps the attributes that it was written with, and another image than one that is
   * written today.
   */
  asText?: boolean;
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

export interface Difference {
  /** The row's key as it is shown, or the document's id where it has no row. */
  key: string;
  column: string | null;
  /** Without a value, unless values were asked for. */
  what: string;
}

/** Writes a difference down. */
export type Differ = (key: string, what: string, column?: string) => void;

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

/** Of a table, what its keys are made of. */
export type Keyed = Pick<MirroredTable, "key" | "columns">;

/**
 * A row's key as the ledger is documented to name it (migrations/0002_keys.sql), said once more in other words: texts
 * as they are; whole numbers behind a letter for how many digits they have, those below zero as what they lack of
 * 99…9; days and microseconds of 1970 as such numbers, `-` and `~` for what is infinite; bytes as hexadecimal digits. Of
 * several columns, each text ends with \x01. Compared by its bytes: a collation may call two texts equal.
 */
export function keyText({ key, columns }: Keyed, row: string): string {
  const parts = key.map((name) => {
    const value = `(${row}.${quoteName(name)})`;
    const kind = columns.find((column) => column.name === name)!.sqlType;
    return isNumbered(kind) ? numberText(value, kind) : partText(value, kind, key.length === 1);
  });
  return `((${parts.join(" || ")}) COLLATE "C")`;
}

/** The same key as people are shown it: as SQL prints the column, or several as a row. */
export function shownKey({ key }: Keyed, row: string): string {
  const texts = key.map((name) => `(${row}.${quoteName(name)})::text COLLATE "C"`);
  return texts.length === 1 ? `(${texts[0]!})` : `(ROW(${texts.join(", ")})::text)`;
}

function isNumbered(sqlType: string): boolean {
  return /^(smallint|integer|bigint|date|timestamp|timestamptz)$/.test(shortName(sqlType));
}

/** Without a precision, and as most people write it. */
function shortName(sqlType: string): string {
  const bare = sqlType.replace(/\(\d+\)/, "");
  return bare.replace(" without time zone", "").replace("timestamp with time zone", "timestamptz");
}

function numberText(value: string, declared: string): string {
  const sqlType = shortName(declared);
  if (/int/.test(sqlType)) return digitsText(value);
  // In two parts: the last years of a timestamp are too many microseconds for EXTRACT(epoch), which rounds them.
  const moment = sqlType === "timestamptz" ? `(${value} AT TIME ZONE 'UTC')` : `${value}::timestamp`;
  const days = `(${moment}::date - date 'epoch')::numeric`;
  const number =
    sqlType === "date"
      ? `(${value} - date 'epoch')::numeric`
      : `trunc(${days} * 86400000000 + extract(epoch FROM ${moment}::time) * 1000000)`;
  return `CASE ${value} WHEN '-infinity' THEN '-' WHEN 'infinity' THEN '~' ELSE ${digitsText(number)} END`;
}

/** Of a whole number. */
function digitsText(number: string): string {
  const n = `(${number})::numeric`;
  const digits = `length(abs(${n})::text)`;
  const lacking = `lpad((repeat('9', ${digits})::numeric + ${n})::text, ${digits}, '0')`;
  return `CASE WHEN ${n} >= 0 THEN chr(96 + ${digits}) || ${n} ELSE chr(91 - ${digits}) || ${lacking} END`;
}

function partText(value: string, sqlType: string, alone: boolean): string {
  const text = sqlType === "bytea" ? `encode(${value}, 'hex')` : `${value}::text COLLATE "C"`;
  return alone ? text : `regexp_replace(${text}, E'([\\x01\\x02])', E'\\x02\\\\1', 'g') || E'\\x01'`;
}

/** Settings in which two texts of one value are equal. */
export const PINNED_SETTINGS = {
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
} as const;

const SET_ALL = Object.entries(PINNED_SETTINGS)
  .map(([name, value]) => `SET ${name} = ${quoteText(value)}`)
  .join(";");

/** One connection of a pool, with these settings while the work goes on. */
export async function withPinned<Result>(pool: Sql, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  const sql = await pool.reserve();
  try {
    await sql.unsafe(SET_ALL);
    return await work(sql);
  } finally {
    await sql`RESET ALL`;
    sql.release();
  }
}
