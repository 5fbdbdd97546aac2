import type { ObjectType } from "convex/values";
import { getDocumentSize, type GenericId } from "convex/values";
import { refusal } from "./errors.js";
import {
  findByDocument,
  findByKey,
  ledgerAfter,
  noteListed,
  type LedgerEntry,
  type MirrorReader,
} from "./ledger.js";
import type {
  DocumentPage,
  DocumentsRead,
  LedgerPage,
  listDocumentsFields,
  listLedgerFields,
  listMissingFields,
  lookupKeysFields,
  LookupResult,
  MissingPage,
  readDocumentsFields,
} from "./pageProtocol.js";
import { LIMITS } from "./protocol.js";

/**
 * Far below the 16 MiB that a transaction may read, as the entry or document that crosses it still counts.
 */
const PAGE_BYTES = 8 * 1024 * 1024;

export async function listLedger(
  db: MirrorReader,
  { table, after, limit }: ObjectType<typeof listLedgerFields>,
): Promise<LedgerPage> {
  requireWithin("limit", limit, LIMITS.ledgerPageRows);
  // `paginate` for its byte bound and for being one call into the database, where `take` is one a document.
  // Its cursor stays here: the last key says as much, and the caller can begin anywhere.
  const { page, isDone } = await ledgerAfter(db, table, after).paginate({
    cursor: null,
    numItems: limit,
    maximumBytesRead: PAGE_BYTES,
  });
  for (const entry of page) noteListed(db, entry);
  return { entries: page.map(keyAndHash), done: isDone };
}

export async function listDocuments(
  db: MirrorReader,
  { table, cursor, maxBytes, limit }: ObjectType<typeof listDocumentsFields>,
): Promise<DocumentPage> {
  requireWithin("limit", limit, LIMITS.documentPageRows);
  requireWithin("maxBytes", maxBytes, LIMITS.documentPageBytes);
  // A cursor and not the last creation time: two documents may have the same one.
  const { page, isDone, continueCursor } = await db
    .query(table)
    .paginate({ cursor, numItems: limit, maximumBytesRead: maxBytes });
  const entries = await Promise.all(
    page.map(async ({ _id, _creationTime, ...document }) => {
      const id = _id as GenericId<string>;
      const entry = await findByDocument(db, id);
      return { id, ledger: entry && keyAndHash(entry), document };
    }),
  );
  return { entries, cursor: isDone ? null : continueCursor, done: isDone };
}

export async function listMissing(
  db: MirrorReader,
  { table, after, limit }: ObjectType<typeof listMissingFields>,
): Promise<MissingPage> {
  requireWithin("limit", limit, LIMITS.documentPageRows);
  const missing: string[] = [];
  let seen = 0;
  let bytesRead = 0;
  // Streamed: an entry that is not reached is not metered, so a page cut short by bytes wastes nothing.
  for await (const entry of ledgerAfter(db, table, after)) {
    noteListed(db, entry);
    const id = db.normalizeId(table, entry.d);
    const document = id === null ? null : await db.get(table, id);
    if (document === null) missing.push(entry.k);
    else bytesRead += getDocumentSize(document);
    bytesRead += getDocumentSize(entry);
    seen += 1;
    if (seen === limit || bytesRead >= PAGE_BYTES) return { missing, after: entry.k };
  }
  return { missing, after: null };
}

/** Reads ledger entries and no document. */
export async function lookupKeys(
  db: MirrorReader,
  { table, keys }: ObjectType<typeof lookupKeysFields>,
): Promise<LookupResult> {
  if (keys.length > LIMITS.lookupKeys) {
    throw refusal("BAD_REQUEST", `At most ${LIMITS.lookupKeys} keys can be looked up at once.`);
  }
  const entries = await Promise.all(keys.map((key) => findByKey(db, table, key)));
  return { present: entries.flatMap((entry) => (entry === null ? [] : [keyAndHash(entry)])) };
}

/** At once: 8 MiB of documents at most, beside what was read before them. */
const DOCUMENTS_AT_ONCE = 8;

/** Documents by key. What is asked for beyond the first few MiB is left to the next call. */
export async function readDocuments(
  db: MirrorReader,
  { table, keys }: ObjectType<typeof readDocumentsFields>,
): Promise<DocumentsRead> {
  if (keys.length > LIMITS.lookupKeys) {
    throw refusal("BAD_REQUEST", `At most ${LIMITS.lookupKeys} documents can be read at once.`);
  }
  const found: DocumentsRead["found"] = [];
  let covered = 0;
  for (let bytes = 0; covered < keys.length && bytes < PAGE_BYTES / 2; covered += DOCUMENTS_AT_ONCE) {
    const part = keys.slice(covered, covered + DOCUMENTS_AT_ONCE);
    for (const one of await Promise.all(part.map((key) => readDocument(db, table, key)))) {
      if (one === null) continue;
      if (one.document !== null) bytes += getDocumentSize(one.document);
      found.push(one);
    }
  }
  return { found, covered: Math.min(covered, keys.length) };
}

async function readDocument(
  db: MirrorReader,
  table: string,
  key: string,
): Promise<DocumentsRead["found"][number] | null> {
  const entry = await findByKey(db, table, key);
  if (entry === null) return null;
  const id = db.normalizeId(table, entry.d);
  const document = id === null ? null : await db.get(table, id);
  if (document === null) return { ...keyAndHash(entry), document: null };
  const { _id, _creationTime, ...fields } = document;
  return { ...keyAndHash(entry), document: fields };
}

function keyAndHash({ k, h }: LedgerEntry): { key: string; hash: string } {
  return { key: k, hash: h };
}

function requireWithin(name: string, value: number, greatest: number): void {
  if (!Number.isInteger(value) || value < 1 || value > greatest) {
    throw refusal("BAD_REQUEST", `${name} must be a whole number from 1 to ${greatest}.`);
  }
}
