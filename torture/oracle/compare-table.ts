import type { Sql } from "postgres";
import { readValue, Unreadable } from "./column-reading.js";
import {
  keyText,
  quoteName,
  quoteText,
  shownKey,
  type Difference,
  type Documents,
  type MirroredColumn,
  type MirroredTable,
} from "./mirrored-table.js";
import { ledgerNumber } from "./ledger-number.js";

/** Documents put into one INSERT. */
const CHUNK = 50;
const SHOWN_CHARACTERS = 300;

export interface Comparison {
  differences: Difference[];
  /** Rows without a document, by their shown keys; the caller knows which may be set aside. */
  missing: string[];
  documents: number;
}

/**
 * Compares every document of a mirror with every row, in Postgres itself: the documents are read back into a table of
 * the source's own types, and images compared. Also the ledger: one entry a document, under the right key.
 * @param sql one connection with PINNED_SETTINGS
 */
export async function compareTable(
  sql: Sql,
  table: MirroredTable,
  documents: Documents,
): Promise<Comparison> {
  const differences: Difference[] = [];
  const differ = (key: string, what: string) => differences.push({ table: table.mirror, key, what });

  const ids = await loadDocuments(sql, table, documents, differ);
  await compareRows(sql, table, differ);
  await compareLedger(sql, table, documents, ids, differ);
  const missing = await sql.unsafe<{ key: string }[]>(
    `SELECT ${shownKey(table, "want")} AS key FROM ${quoteName(table.relation)} want
      WHERE NOT EXISTS (SELECT FROM got WHERE ${keyText(table, "got")} = ${keyText(table, "want")})`,
  );
  await sql.unsafe("DROP TABLE got");
  return { differences, missing: missing.map(({ key }) => key), documents: ids.size };
}

type Differ = (key: string, what: string) => void;

async function loadDocuments(
  sql: Sql,
  table: MirroredTable,
  documents: Documents,
  differ: Differ,
): Promise<Set<string>> {
  const columns = table.columns.map(({ name, sqlType }) => `${quoteName(name)} ${sqlType}`);
  await sql.unsafe(`CREATE TEMP TABLE got ("document id" text, ${columns.join(", ")})`);
  const known = new Set(["_id", "_creationTime", ...table.columns.map((column) => column.field)]);
  const ids = new Set<string>();
  let rows: string[] = [];
  const flush = async () => {
    if (rows.length > 0) await insertAll(sql, rows, differ);
    rows = [];
  };
  for (const document of documents.tableDocuments(table.mirror)) {
    ids.add(document._id);
    const stray = Object.keys(document).find((field) => !known.has(field));
    if (stray !== undefined)
      differ(document._id, `its document has a field ${stray} that no column explains`);
    const texts = table.columns.map((column) => readColumn(document, column, differ));
    rows.push(`(${[document._id, ...texts].map(quoteText).join(", ")})`);
    if (rows.length === CHUNK) await flush();
  }
  await flush();
  return ids;
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
    differ(document._id, `column ${column.name}: ${error.message}`);
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
      differ(shorten(rows[0]!), `Postgres does not read the document's values: ${(error as Error).message}`);
    }
  }
}

async function compareRows(sql: Sql, table: MirroredTable, differ: Differ): Promise<void> {
  const got = keyText(table, "got");
  const twice = await sql.unsafe<{ key: string }[]>(
    `SELECT ${got} AS key FROM got GROUP BY 1 HAVING count(*) > 1`,
  );
  for (const { key } of twice) differ(key, "has several documents");
  const stray = await sql.unsafe<{ key: string }[]>(
    `SELECT ${got} AS key FROM got
      WHERE NOT EXISTS (SELECT FROM ${quoteName(table.relation)} want WHERE ${keyText(table, "want")} = ${got})`,
  );
  for (const { key } of stray) differ(key, "has a document and no row");

  for (const column of table.columns) {
    const name = quoteName(column.name);
    const rows = await sql.unsafe<{ key: string; row: string | null; document: string | null }[]>(
      `SELECT ${got} AS key, left(want.${name}::text, ${SHOWN_CHARACTERS}) AS row,
              left(got.${name}::text, ${SHOWN_CHARACTERS}) AS document
         FROM got JOIN ${quoteName(table.relation)} want ON ${keyText(table, "want")} = ${got}
        WHERE ${isDifferent(column, `want.${name}`, `got.${name}`)}`,
    );
    for (const { key, row, document } of rows) {
      differ(key, `column ${column.name}: the row has ${show(row)}, the document ${show(document)}`);
    }
  }
}

/** jsonb promises equality as jsonb (1.0 is 1); everything else the same bytes. */
function isDifferent({ reading }: MirroredColumn, want: string, got: string): string {
  const element = typeof reading === "object" ? reading.arrayOf : reading;
  return element === "jsonb"
    ? `${want} IS DISTINCT FROM ${got}`
    : `ROW(${want})::record OPERATOR(pg_catalog.*<>) ROW(${got})::record`;
}

async function compareLedger(
  sql: Sql,
  table: MirroredTable,
  documents: Documents,
  ids: ReadonlySet<string>,
  differ: Differ,
): Promise<void> {
  const rows = await sql.unsafe<{ id: string; key: string }[]>(
    `SELECT "document id" AS id, ${keyText(table, "got")} AS key FROM got`,
  );
  const keys = new Map(rows.map(({ id, key }) => [id, key]));
  const named = new Set<string>();
  const number = ledgerNumber(table.mirror);
  for (const entry of documents.tableDocuments("datahubSyncLedger")) {
    if (entry["m"] !== number) continue;
    const key = String(entry["k"]);
    const id = String(entry["d"]);
    if (named.has(id)) differ(key, `two ledger entries name the document ${id}`);
    named.add(id);
    if (!ids.has(id)) differ(key, "its ledger entry names a document that does not exist");
    else if (keys.get(id) !== key) differ(key, `its ledger entry names the document of ${keys.get(id)}`);
  }
  for (const id of ids) if (!named.has(id)) differ(keys.get(id) ?? id, "no ledger entry names its document");

  let counted = 0;
  for (const count of documents.tableDocuments("datahubSyncCounts")) {
    if (count["table"] === table.mirror) counted += Number(count["rows"]);
  }
  if (counted !== ids.size)
    differ("(all)", `${counted} rows are counted, and there are ${ids.size} documents`);
}

function show(text: string | null): string {
  return text === null ? "NULL" : JSON.stringify(text);
}

function shorten(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
