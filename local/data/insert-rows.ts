import type { Sql } from "postgres";
import type { SourceRow, SourceTable } from "./source-tables.js";

/** A statement's rows, as JSON: large enough that the server is kept busy, small enough to be nothing in memory. */
const MIN_BATCH_CHARACTERS = 1024 * 1024;

/**
 * Inserts the rows, many with each statement. The next batch is made while the server stores the last one.
 * Not COPY: with postgres.js 3.4 a COPY whose data the server refuses never ends.
 */
export async function insertRows(sql: Sql, table: SourceTable, rows: Iterable<SourceRow>): Promise<void> {
  let stored: Promise<unknown> = Promise.resolve();
  for (const batch of printBatches(rows)) {
    await stored;
    stored = sql`
      INSERT INTO ${sql(table.name)} (${sql(table.columns)})
      SELECT ${sql(table.columns)} FROM jsonb_populate_recordset(NULL::${sql(table.name)}, ${batch}::text::jsonb)`;
    stored.catch(() => {}); // awaited when the next batch is ready
  }
  await stored;
}

/** JSON arrays of rows. */
function* printBatches(rows: Iterable<SourceRow>): Generator<string> {
  let batch = "";
  for (const row of rows) {
    batch += (batch ? "," : "[") + JSON.stringify(row);
    if (batch.length >= MIN_BATCH_CHARACTERS) {
      yield `${batch}]`;
      batch = "";
    }
  }
  if (batch) yield `${batch}]`;
}
