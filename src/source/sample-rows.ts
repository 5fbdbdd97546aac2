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

/** Pages are taken at random, so that rows of all times are among them. */
function sampleOf({ isView, estimatedRows }: MirrorSource): string {
  if (isView || estimatedRows === null) return "";
  const percent = Math.min(100, (100 * SAMPLED_ROWS) / Math.max(1, estimatedRows));
  return `TABLESAMPLE SYSTEM (${percent})`;
}
