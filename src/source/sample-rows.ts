import type { Database } from "../postgres/database.js";
import { quoteIdentifier, quoteRelation } from "../postgres/identifier.js";
import type { MirrorSource } from "../model/mirror-source.js";

const SAMPLED_ROWS = 2_000;

/**
 * Mean bytes of a row's mirrored columns as text, from some of its pages: one statement, where a sum would read whole
 * tables. A view cannot be sampled: its first rows stand for all. Null for a relation without rows.
 */
export async function sampleRowBytes(
  database: Database,
  sources: readonly MirrorSource[],
): Promise<(number | null)[]> {
  if (sources.length === 0) return [];
  const means = sources.map((source) => {
    const { relation, columns } = source;
    const names = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
    return `(SELECT avg(octet_length(s::text)) FROM (SELECT ${names} FROM ${quoteRelation(relation)} ${sampleOf(source)} LIMIT ${2 * SAMPLED_ROWS}) AS s)`;
  });
  const [row] = await database.execute("looking at some rows of tables to be loaded", (sql) =>
    sql.unsafe<{ means: string }[]>(`SELECT json_build_array(${means.join(", ")})::text AS means`),
  );
  return JSON.parse(row!.means) as (number | null)[];
}

/** A sample of pages has more than is asked for, so that what is taken of it is spread over more of them. */
const SPREAD = 4;

/** Keys of rows at random, fewer where there are fewer. A view is read whole for it. */
export async function sampleKeys(
  database: Database,
  source: MirrorSource,
  wanted: number,
): Promise<string[]> {
  const { relation, keyExpression, name } = source;
  const rows = await database.execute(`choosing rows of ${name}`, (sql) =>
    sql.unsafe<{ key: string }[]>(
      `SELECT ${keyExpression} AS key
         FROM (SELECT * FROM ${quoteRelation(relation)} ${sampleOf(source, SPREAD * wanted)}) r
        WHERE (SELECT datahub_sync.pin_output()) ORDER BY random() LIMIT ${Math.trunc(wanted)}`,
    ),
  );
  return rows.map(({ key }) => key);
}

/** Pages are taken at random, so that rows of all times are among them. */
function sampleOf({ isView, estimatedRows }: MirrorSource, wanted = SAMPLED_ROWS): string {
  if (isView || estimatedRows === null) return "";
  const percent = Math.min(100, (100 * wanted) / Math.max(1, estimatedRows));
  return `TABLESAMPLE SYSTEM (${percent})`;
}
