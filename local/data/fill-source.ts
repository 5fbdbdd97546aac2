import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import { packageRoot } from "../../src/package-root.js";
import { insertRows } from "./insert-rows.js";
import { SOURCE_TABLES, type SourceRow, type SourceTable, type SourceTableName } from "./source-tables.js";

/** Creates the seven source tables, empty. */
export async function createSourceTables(sql: Sql): Promise<void> {
  await sql.unsafe(await readFile(join(packageRoot(), "local/source-schema/tables.sql"), "utf8"));
}

export interface FillOptions {
  /** Any whole number; the same seed and scale give the same rows. */
  seed: number;
  /** 1 is 59,500 rows; 0.1 a tenth of each table, at least one row. */
  scale: number;
}

/** Fills the empty source tables as the other job would have. Returns the rows of each table. */
export async function fillSourceTables(
  sql: Sql,
  { seed, scale }: FillOptions,
): Promise<Record<SourceTableName, number>> {
  const counts = {} as Record<SourceTableName, number>;
  for (const table of SOURCE_TABLES) {
    counts[table.name] = Math.max(1, Math.round(table.rowCount * scale));
    await insertRows(sql, table, makeRows(table, seed, 0, counts[table.name]));
  }
  return counts;
}

/** The rows from one index on, made as they are asked for. */
export function* makeRows(
  table: SourceTable,
  seed: number,
  firstIndex: number,
  count: number,
): Generator<SourceRow> {
  for (let index = firstIndex; index < firstIndex + count; index++) yield table.makeRow(seed, index);
}
