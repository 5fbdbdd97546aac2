import type { Sql } from "postgres";
import { compareLedger } from "./compare-ledger.js";
import {
  keyText,
  quoteName,
  quoteText,
  shownKey,
  type Differ,
  type Difference,
  type Documents,
  type MirroredColumn,
  type MirroredTable,
} from "./mirrored-table.js";
import { countValues, readValue, Unreadable } from "./value-reading.js";

/** Documents put into one INSERT. */
const CHUNK = 100;
const SHOWN_CHARACTERS = 300;
/** Of fewer documents the planner need know nothing. */
const ANALYZED_FROM = 1_000;

/** What the two sides are to each other. Equal: neither `differences` nor `missing` has anything in it. */
export interface Comparison {
  rows: number;
  documents: number;
  /** Values of documents, those inside of jsonb and of arrays included. */
  values: number;
  differences: Difference[];
  /** Rows without a document, by their shown keys; the caller knows which may be set aside. */
  missing: string[];
}

/**
 * For demo, torture and tests. Compares every document of a mirror with every row, in Postgres itself: the
 * documents are read back into a table of the source's own types, and images compared. Also the ledger: one entry a
 * document, under the right key. It shares no code with the sync. Nothing may be writing meanwhile.
 * @param sql one connection, with PINNED_SETTINGS
 * @param showsValues differences tell the values, which may only be of data that somebody made up
 */
export async function compareTable(
  sql: Sql,
  table: MirroredTable,
  documents: Documents,
  { showsValues = false } = {},
): Promise<Comparison> {
  const differences: Difference[] = [];
  const differ: Differ = (key, what, column) => differences.push({ key, column: column ?? null, what });

  const { ids, values } = await loadDocuments(sql, table, documents, differ);
  await compareRows(sql, table, differ, showsValues);
  await compareLedger(sql, table, documents, ids, differ);
  const missing = await sql.unsafe<{ key: string }[]>(
    `SELECT ${shownKey(table, "want")} AS key FROM ${quoteName(table.relation)} want
      WHERE NOT EXISTS (SELECT FROM got WHERE ${keyText(table, "got")} = ${keyText(table, "want")})`,
  );
  const [count] = await sql.unsafe<[{ rows: number }]>(
    `SELECT count(*)::int AS rows FROM ${quoteName(table.relation)}`,
  );
  await sql.unsafe("DROP TABLE got");
  return {
    rows: count.rows,
    documents: ids.size,
    values,
    differences,
    missing: missing.map(({ key }) => key),
  };
}

async function loadDocuments(
  sql: Sql,
  table: MirroredTable,
  documents: Documents,
  differ: Differ,
): Promise<{ ids: Set<string>; values: number }> {
  const columns = table.columns.map(({ name, sqlType }) => `${quoteName(name)} ${sqlType}`);
  // There is one already where a comparison has failed.
  await sql.unsafe(
    `DROP TABLE IF EXISTS pg_temp.got; CREATE TEMP TABLE got ("document id" text, ${columns.join(", ")})`,
  );
  const known = new Set(["_id", "_creationTime", ...table.columns.map((column) => column.field)]);
  const ids = new Set<string>();
  let values = 0;
  let rows: string[] = [];
  const flush = async () => {
    if (rows.length > 0) await insertAll(sql, rows, differ);
    rows = [];
  };
  for (const document of documents.tableDocuments(table.mirror)) {
    ids.add(document._id);
    const stray = Object.keys(document).find((field) => !known.has(field));
    if (stray !== undefined) differ(document._id, "a field that no column explains", stray);
    const texts = table.columns.map((column) => readColumn(document, column, differ));
    for (const { field, reading } of table.columns) values += countValues(document[field], reading);
    rows.push(`(${[document._id, ...texts].map(quoteText).join(", ")})`);
    if (rows.length === CHUNK) await flush();
  }
  await flush();
  if (ids.size > ANALYZED_FROM) await sql.unsafe("ANALYZE got");
  return { ids, values };
}

function readColumn(
  document: Record<string, unknown> & { _id: string },
  column: MirroredColumn,
  differ: Differ,
): string | null {
  try {
    return readValue(document[column.field], column.reading);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    differ(document._id, error.message, column.name);
    return null;
  }
}

/** One by one where Postgres does not take them all, to name the one that it does not take. */
async function insertAll(sql: Sql, rows: string[], differ: Differ): Promise<void> {
  try {
    await sql.unsafe(`INSERT INTO got VALUES ${rows.join(", ")}`);
  } catch (error) {
    if (rows.length > 1) {
      for (const row of rows) await insertAll(sql, [row], differ);
    } else {
      const id = /^\('([^']*)'/.exec(rows[0]!)?.[1] ?? "";
      differ(id, `Postgres does not read its values: ${(error as { code?: string }).code ?? "unknown"}`);
    }
  }
}

async function compareRows(
  sql: Sql,
  table: MirroredTable,
  differ: Differ,
  showsValues: boolean,
): Promise<void> {
  const [got, want] = [keyText(table, "got"), keyText(table, "want")];
  const relation = quoteName(table.relation);
  const twice = await sql.unsafe<{ key: string }[]>(
    `SELECT ${shownKey(table, "got")} AS key FROM got GROUP BY 1, ${got} HAVING count(*) > 1`,
  );
  for (const { key } of twice) differ(key, "has several documents");
  const stray = await sql.unsafe<{ id: string }[]>(
    `SELECT "document id" AS id FROM got WHERE NOT EXISTS (SELECT FROM ${relation} want WHERE ${want} = ${got})`,
  );
  for (const { id } of stray) differ(id, "a document without a row");

  // All columns at once first: equal sides are read once, however many columns there are.
  const differs = table.columns.map(isDifferent);
  const [sum] = await sql.unsafe<[{ rows: number }]>(
    `SELECT count(*)::int AS rows FROM got JOIN ${relation} want ON ${want} = ${got} WHERE ${differs.join(" OR ")}`,
  );
  if (sum.rows === 0) return;
  for (const [place, column] of table.columns.entries()) {
    const name = quoteName(column.name);
    const rows = await sql.unsafe<{ key: string; row: string | null; document: string | null }[]>(
      `SELECT ${shownKey(table, "want")} AS key, left(want.${name}::text, ${SHOWN_CHARACTERS}) AS row,
              left(got.${name}::text, ${SHOWN_CHARACTERS}) AS document
         FROM got JOIN ${relation} want ON ${want} = ${got} WHERE ${differs[place]!}`,
    );
    for (const { key, row, document } of rows) {
      const shown = showsValues ? `: the row has ${show(row)}, the document ${show(document)}` : "";
      differ(key, `another value${shown}`, column.name);
    }
  }
}

/** jsonb promises equality as jsonb (1.0 is 1); everything else the same bytes. */
function isDifferent({ name, sqlType, reading, asText = false }: MirroredColumn): string {
  const [want, got] = [`want.${quoteName(name)}::${sqlType}`, `got.${quoteName(name)}`];
  if (asText) return `${want}::text IS DISTINCT FROM ${got}::text`;
  const element = typeof reading === "object" ? reading.arrayOf : reading;
  return element === "jsonb"
    ? `${want} IS DISTINCT FROM ${got}`
    : `ROW(${want})::record OPERATOR(pg_catalog.*<>) ROW(${got})::record`;
}

function show(text: string | null): string {
  return text === null ? "NULL" : JSON.stringify(text);
}
