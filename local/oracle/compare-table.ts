import type { Sql } from "postgres";
import { readColumns, type Column } from "./columns.js";
import { describe } from "./json.js";

/**
 * The judge of demo and tests: it compares a source table with the documents of its mirror, value by value, and shares
 * no code with the sync. It knows the types of the seven source tables, whose rows are identified by `id uuid`.
 * Nothing may be writing meanwhile.
 */
export interface TableVerdict {
  table: string;
  rows: number;
  documents: number;
  /** Values compared, those inside of jsonb included. */
  values: number;
  /** How many differences there are. */
  differing: number;
  /** The first of them. */
  differences: Difference[];
}

/** Names the place and never the value. */
export interface Difference {
  kind: "missing document" | "extra document" | "missing field" | "extra field" | "value";
  /** The row's id, or where a document has none that could be a row's, the document's. */
  id: string;
  column: string | null;
  detail: string;
}

/** A document as Convex's functions see it, with its `_id` and `_creationTime`. */
export type Document = Readonly<Record<string, unknown>>;

const DOCUMENTS_AT_ONCE = 500;
const DIFFERENCES_KEPT = 10;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

export async function compareTable(
  sql: Sql,
  table: string,
  documents: Iterable<Document>,
): Promise<TableVerdict> {
  const columns = await readColumns(sql, table);
  const verdict: TableVerdict = {
    table,
    rows: 0,
    documents: 0,
    values: 0,
    differing: 0,
    differences: [],
  };
  const seen = new Set<string>();
  for (const batch of inBatches(documents, DOCUMENTS_AT_ONCE)) {
    const rows = await readRows(
      sql,
      table,
      columns,
      batch.map(idOf).filter((id) => id !== null),
    );
    for (const document of batch) compareDocument(verdict, columns, rows, seen, document);
  }
  for (const { id } of await sql<{ id: string }[]>`SELECT id::text FROM ${sql(table)} ORDER BY id`) {
    verdict.rows++;
    if (!seen.has(id)) note(verdict, "missing document", id, null, "the row has no document");
  }
  return verdict;
}

function compareDocument(
  verdict: TableVerdict,
  columns: readonly Column[],
  rows: ReadonlyMap<string, Row>,
  seen: Set<string>,
  document: Document,
): void {
  verdict.documents++;
  const id = idOf(document);
  const row = id === null ? undefined : rows.get(id);
  if (id === null || row === undefined) {
    note(verdict, "extra document", String(document["_id"]), null, "no row has its id");
    return;
  }
  if (seen.has(id)) {
    note(verdict, "extra document", String(document["_id"]), null, "another document has its id too");
    return;
  }
  seen.add(id);
  for (const [index, { name, compare }] of columns.entries()) {
    const actual = document[name];
    if (actual === undefined) {
      note(verdict, "missing field", id, name, "the document lacks it");
      continue;
    }
    const text = row[index] ?? null;
    const { values, difference } =
      text === null
        ? { values: 1, difference: actual === null ? null : describe(null, actual) }
        : compare(text, actual);
    verdict.values += values;
    if (difference !== null) note(verdict, "value", id, name, difference);
  }
  const known = new Set(["_id", "_creationTime", ...columns.map(({ name }) => name)]);
  for (const field of Object.keys(document)) {
    if (!known.has(field)) note(verdict, "extra field", id, field, "no column has this name");
  }
}

function note(
  verdict: TableVerdict,
  kind: Difference["kind"],
  id: string,
  column: string | null,
  detail: string,
): void {
  verdict.differing++;
  if (verdict.differences.length < DIFFERENCES_KEPT) verdict.differences.push({ kind, id, column, detail });
}

/** The columns' texts, in order; null for NULL. */
type Row = readonly (string | null)[];

async function readRows(
  sql: Sql,
  table: string,
  columns: readonly Column[],
  ids: string[],
): Promise<Map<string, Row>> {
  const rows = await sql`
    SELECT ${sql.unsafe(columns.map(({ text }) => text).join(", "))}, id::text
      FROM ${sql(table)} WHERE id = ANY (${ids}::uuid[])`.values();
  return new Map(rows.map((row) => [row.at(-1) as string, row as Row]));
}

/** The id of the row that a document is meant to mirror; null where it can be none's. */
function idOf(document: Document): string | null {
  const id = document["id"];
  return typeof id === "string" && UUID.test(id) ? id : null;
}

function* inBatches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
