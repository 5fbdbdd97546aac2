import { createHash } from "node:crypto";
import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import type { StoredDocument } from "./document.js";
import { planScan, type QueryJson } from "./index-range.js";
import type { IndexKey } from "./order.js";
import { RunningQuery } from "./query.js";
import type { Transaction } from "./transaction.js";

export interface PageRequest {
  query: QueryJson;
  cursor: string | null;
  endCursor: string | null;
  pageSize: number;
  maximumRowsRead: number | null;
  maximumBytesRead?: number | null;
}

export interface Page {
  documents: StoredDocument[];
  isDone: boolean;
  continueCursor: string;
}

/** Cursors name the query they belong to: one of another query is refused, as in Convex. */
interface Cursor {
  query: string;
  /** Null: the end of the range. */
  key: JSONValue[] | null;
}

export function readPage(transaction: Transaction, request: PageRequest): Page {
  const fingerprint = createHash("sha256")
    .update(JSON.stringify(request.query))
    .digest("base64url")
    .slice(0, 22);
  const after = request.cursor === null ? null : parseCursor(request.cursor, fingerprint);
  const until = request.endCursor === null ? null : parseCursor(request.endCursor, fingerprint);
  const finish = (documents: StoredDocument[], key: IndexKey | null): Page => ({
    documents,
    isDone: key === null,
    continueCursor: formatCursor({ query: fingerprint, key: key && encodeKey(key) }),
  });
  if (after?.key === null) return finish([], null);
  const scan = planScan(request.query.source, (name) => transaction.table(name));
  const end = until?.key ? decodeKey(until.key) : null;
  if (end) {
    scan.range =
      scan.order === "asc"
        ? { ...scan.range, upper: endOf(end, 1) }
        : { ...scan.range, lower: endOf(end, -1) };
  }
  const query = new RunningQuery(
    transaction,
    scan,
    request.query.operators,
    after?.key ? decodeKey(after.key) : null,
  );
  const documents: StoredDocument[] = [];
  let position = after?.key ? decodeKey(after.key) : null;
  let rows = 0;
  let bytes = 0;
  // A page that ends at a given cursor has no size of its own.
  const full = () => until === null && documents.length >= request.pageSize;
  while (!full()) {
    const document = query.step();
    if (document === null) return finish(documents, end);
    position = document.keyIn(scan.index);
    if (query.passes(document)) documents.push(document);
    rows += 1;
    bytes += document.bytes;
    if (rows >= (request.maximumRowsRead ?? Infinity) || bytes >= (request.maximumBytesRead ?? Infinity))
      break;
  }
  // A page of nothing has not moved; the start of the range is a position before everything.
  return finish(documents, position ?? { values: [], edge: scan.order === "asc" ? -1 : 1 });
}

const endOf = (key: IndexKey, edge: -1 | 1): IndexKey => ({ values: key.values, edge });

function encodeKey(key: IndexKey): JSONValue[] {
  return [key.edge, ...key.values.map((value) => (value === undefined ? null : [convexToJson(value)]))];
}

function decodeKey([edge, ...values]: JSONValue[]): IndexKey {
  return {
    edge: edge as IndexKey["edge"],
    values: values.map((value) => (value === null ? undefined : jsonToConvex((value as JSONValue[])[0]!))),
  };
}

const formatCursor = (cursor: Cursor): string =>
  Buffer.from(JSON.stringify([cursor.query, cursor.key])).toString("base64url");

function parseCursor(text: string, query: string): Cursor {
  try {
    const [of, key] = JSON.parse(Buffer.from(text, "base64url").toString()) as [string, JSONValue[] | null];
    if (of === query) return { query, key };
  } catch {
    // Falls through: not a cursor at all.
  }
  throw Object.assign(
    new Error(
      "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this query has changed.",
    ),
    { data: { isConvexSystemError: true, paginationError: "InvalidCursor" } },
  );
}
