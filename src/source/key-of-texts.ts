import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import { SyncError } from "../model/errors.js";
import { quoteIdentifier } from "../postgres/identifier.js";
import type { MirrorSource } from "../model/mirror-source.js";

/**
 * The canonical key texts of rows that are not read from the relation, from the texts of their key columns: as the database itself
 * prints them, so that one uuid in capital letters and in small ones is one key.
 * @param texts of each row, in the order of the key's columns
 * @returns null for what is no value of the key's types
 */
export async function keysOfTexts(
  database: Database,
  source: MirrorSource,
  texts: readonly (readonly string[])[],
): Promise<(string | null)[]> {
  if (texts.length === 0) return [];
  try {
    return await ask(database, source, texts);
  } catch (error) {
    // One text that is no such value fails the statement: each by itself then.
    if (!(error instanceof SyncError) || error.code !== "DATABASE_FAILED") throw error;
    if (texts.length === 1) return [null];
    const half = Math.ceil(texts.length / 2);
    return [
      ...(await keysOfTexts(database, source, texts.slice(0, half))),
      ...(await keysOfTexts(database, source, texts.slice(half))),
    ];
  }
}

async function ask(
  database: Database,
  { keyColumns, keyExpression, name }: MirrorSource,
  texts: readonly (readonly string[])[],
): Promise<(string | null)[]> {
  const arrays = keyColumns.map((_, place) => `$${place + 1}::text::text[]`);
  const values = keyColumns.map((_, place) => `t.v${place}`);
  const columns = keyColumns.map(
    (column, place) => `t.v${place}::${column.typeSql} AS ${quoteIdentifier(column.name)}`,
  );
  const rows = await database.execute(`reading keys of documents of ${name}`, (sql) =>
    sql.unsafe<{ key: string | null }[]>(
      `SELECT ${keyExpression} AS key
         FROM unnest(${arrays.join(", ")}) WITH ORDINALITY AS t (${values.map((value) => value.slice(2)).join(", ")}, n),
              LATERAL (SELECT ${columns.join(", ")}) AS r
        WHERE (SELECT datahub_sync.pin_output()) ORDER BY t.n`,
      keyColumns.map((_, place) => arrayLiteral(texts.map((row) => row[place]!))),
    ),
  );
  return rows.map(({ key }) => key);
}
