import type { Relation } from "../../catalog/relation.js";
import type { ResolvedMirror } from "../../catalog/resolved-mirror.js";
import { arrayLiteral } from "../../postgres/array-literal.js";
import type { Database } from "../../postgres/database.js";
import { quoteIdentifier, quoteRelation } from "../../postgres/identifier.js";

/** Rows of a table that are looked at twice: enough to tell a job that touches all from one that touches some. */
const WATCHED_ROWS = 500;

/** What became of some rows of a table meanwhile. Holds no values. */
export interface WatchedChanges {
  /** Rows that were there both times. */
  rows: number;
  /** In how many of them anything changed. */
  changed: number;
  /** In how many each column did; those that did not are left out. */
  columns: Record<string, number>;
  /** Columns that hold a time, and in which rows changed in which nothing but such columns did. */
  touched: string[];
}

/** A row's key as texts, and a hash of each of its columns. */
type Seen = [key: string[], hashes: (string | null)[]];

/** Some rows of a table as they are now: what `again` is held against. */
export interface Watched {
  resolved: ResolvedMirror;
  seen: Seen[];
}

/** Reads some rows of a table, from pages chosen at random. */
export async function beginWatch(database: Database, resolved: ResolvedMirror): Promise<Watched> {
  const { relation } = resolved;
  const share = Math.min(100, (400 * WATCHED_ROWS) / Math.max(1, relation.estimatedRows ?? 1));
  const seen = await readRows(
    database,
    resolved,
    `r TABLESAMPLE SYSTEM (${share}) LIMIT ${WATCHED_ROWS}`,
    [],
  );
  return { resolved, seen };
}

/** Reads the same rows again. */
export async function endWatch(database: Database, { resolved, seen }: Watched): Promise<WatchedChanges> {
  const { relation, keyColumns } = resolved;
  const columns = keyColumns.map((name) => relation.columns.find((column) => column.name === name)!);
  const given = columns.map((_, place) => `v${place}`);
  const typed = columns.map(({ typeSql }, place) => `t.v${place}::${typeSql}`);
  const names = keyColumns.map((name) => `r.${quoteIdentifier(name)}`);
  const arrays = columns.map((_, place) => `$${place + 1}::text::text[]`);
  const again = await readRows(
    database,
    resolved,
    `r WHERE (${names.join(", ")}) IN (SELECT ${typed.join(", ")} FROM unnest(${arrays.join(", ")}) AS t (${given.join(", ")}))`,
    columns.map((_, place) => arrayLiteral(seen.map(([key]) => key[place]!))),
  );
  return compareRows(relation, seen, again);
}

async function readRows(
  database: Database,
  { relation, keyColumns }: ResolvedMirror,
  rest: string,
  parameters: string[],
): Promise<Seen[]> {
  const key = keyColumns.map((name) => `r.${quoteIdentifier(name)}::text`);
  // A hash says whether a value changed, and a wide one stays where it is.
  const hashes = relation.columns.map(
    ({ name }) => `hashtextextended(r.${quoteIdentifier(name)}::text, 0)::text`,
  );
  const rows = await database.execute(`watching some rows of ${relation.name}`, (sql) =>
    sql.unsafe<{ seen: string }[]>(
      `SELECT json_build_array(json_build_array(${key.join(", ")}), array_to_json(ARRAY[${hashes.join(", ")}]))::text AS seen
         FROM ${quoteRelation(relation)} ${rest}`,
      parameters,
    ),
  );
  return rows.map(({ seen }) => JSON.parse(seen) as Seen);
}

const TIMES = new Set(["timestamp", "timestamptz", "date", "time", "timetz"]);

function compareRows(
  relation: Pick<Relation, "columns">,
  before: readonly Seen[],
  after: readonly Seen[],
): WatchedChanges {
  const known = new Map(before.map(([key, hashes]) => [JSON.stringify(key), hashes]));
  const counts = new Map<string, number>();
  const touched = new Set<string>();
  let rows = 0;
  let changed = 0;
  for (const [key, hashes] of after) {
    const old = known.get(JSON.stringify(key));
    if (old === undefined) continue;
    rows += 1;
    const differ = relation.columns.filter((_, place) => old[place] !== hashes[place]);
    if (differ.length === 0) continue;
    changed += 1;
    for (const { name } of differ) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (differ.every(({ type }) => TIMES.has(type.name))) for (const { name } of differ) touched.add(name);
  }
  const columns = Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
  return { rows, changed, columns, touched: [...touched] };
}
