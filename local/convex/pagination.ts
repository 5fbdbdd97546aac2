import { createHash } from "node:crypto";
import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import type { StoredDocument } from "./document.js";
import { ReadLimitError } from "./errors.js";
import { planScan, type QueryJson } from "./index-range.js";
import { TRANSACTION_LIMITS } from "./limits.js";
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
  /** The page is shorter than asked for, because it read all that it may. */
  pageStatus: "SplitRequired" | null;
}

/** Cursors name the query they belong to: one of another query is refused, as in Convex. */
interface Cursor {
  query: string;
  /** Null: the end of the range. */
  key: JSONValue[] | null;
}

/** Throws where the page's size or its cursor makes no sense. */
export function readPage(transaction: Transaction, request: PageRequest): Page {
  if (request.pageSize === 0) throw new Error("Must request at least 1 document while paginating");
  if (request.pageSize > TRANSACTION_LIMITS.documentsRead) {
    throw new Error(`Requested too many items: ${request.pageSize}`);
  }
  const fingerprint = fingerprintOf(request.query);
  const after = request.cursor === null ? null : parseCursor(request.cursor, fingerprint);
  const until = request.endCursor === null ? null : parseCursor(request.endCursor, fingerprint);
  const finish = (documents: StoredDocument[], key: IndexKey | null, splitRequired = false): Page => ({
    documents,
    isDone: key === null,
    continueCursor: formatCursor({ query: fingerprint, key: key && encodeKey(key) }),
    pageStatus: splitRequired ? "SplitRequired" : null,
  });
  if (after?.key === null) return finish([], null);
  const end = until?.key ? decodeKey(until.key) : null;
  const scan = planScan(request.query.source, (name) => transaction.table(name));
  if (end) {
    const { range } = scan;
    scan.range =
      scan.order === "asc" ? { ...range, upper: endOf(end, 1) } : { ...range, lower: endOf(end, -1) };
  }
  let position = after?.key ? decodeKey(after.key) : null;
  const query = new RunningQuery(transaction, scan, request.query.operators, position);
  const documents: StoredDocument[] = [];
  let rows = 0;
  let bytes = 0;
  // A page that ends at a given cursor has no size of its own.
  while (until !== null || documents.length < request.pageSize) {
    const spent =
      rows >= (request.maximumRowsRead ?? Infinity) || bytes >= (request.maximumBytesRead ?? Infinity);
    if (spent) return finish(documents, position, true);
    let document: StoredDocument | null;
    try {
      document = query.step();
    } catch (error) {
      // The transaction's own limits end a page too, unless it has not moved.
      if (error instanceof ReadLimitError && rows > 0) return finish(documents, position, true);
      throw error;
    }
    if (document === null) return finish(documents, end);
    position = document.keyIn(scan.index);
    if (query.passes(document)) documents.push(document);
    rows += 1;
    bytes += document.bytes;
  }
  return finish(documents, position);
}

const fingerprintOf = (query: QueryJson): string =>
  createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 22);

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
