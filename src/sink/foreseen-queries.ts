import { getDocumentSize, type JSONValue, type Value } from "convex/values";
import type {
  DocumentPage,
  LedgerPage,
  LookupResult,
  MissingPage,
} from "../../convex/datahubSyncPageProtocol.js";
import type { HandshakeResult } from "../../convex/datahubSyncProtocol.js";
import type { ForeseenMirror, Written } from "./foreseen-mirror.js";
import { ledgerBytes, type DatabaseIo } from "./io-estimate.js";

/** The handshake samples documents until it has read so much; see convex/datahubSyncHandshake.ts. */
const SAMPLE_BYTES = 256 * 1024;

/** Tables whose documents are sampled for the cost of the handshake; the others are taken to be like those. */
const SAMPLED_TABLES = 16;

/** A key as long as a uuid, and its hash, where the entry that was read is not told. */
const USUAL_ENTRY = ledgerBytes("0".repeat(36), "0".repeat(22));

/** A query that was answered. */
export interface AnsweredQuery {
  name: string;
  args: JSONValue;
  io: DatabaseIo;
  mirrorOf: (table: string) => ForeseenMirror;
}

interface Arguments {
  table: string;
  keys: string[];
  after: string | null;
  limit: number;
}

/** What a query has cost, and what it would have answered had the run written what it would write. */
export async function readQuery(query: AnsweredQuery, value: unknown): Promise<unknown> {
  const { name, io, mirrorOf } = query;
  const args = query.args as unknown as Arguments;
  switch (name) {
    case "handshake":
      return readHandshake(query, value as HandshakeResult);
    case "lookupKeys":
      return readLookUp(mirrorOf(args.table), args, value as LookupResult, io);
    case "listLedger":
      return readLedger(mirrorOf(args.table), args, value as LedgerPage, io);
    case "listDocuments":
      return readDocuments(mirrorOf(args.table), value as DocumentPage, io);
    case "listMissing":
      return readMissing(mirrorOf(args.table), args, value as MissingPage, io);
    default:
      throw new Error(`What ${name} costs is not known.`);
  }
}

async function readHandshake(
  { io, mirrorOf }: AnsweredQuery,
  result: HandshakeResult,
): Promise<HandshakeResult> {
  let sampled = 0;
  let sampledTables = 0;
  for (const handshake of result.mirrors) {
    const { ledgerSample: sample, tableEmpty } = handshake;
    const mirror = mirrorOf(handshake.table);
    mirror.handshake = handshake;
    mirror.hasState = handshake.state !== null;
    mirror.knownRows = handshake.rows;
    const { document, key } = mirror.state;
    if (mirror.hasState) io.bytesRead += document + key;
    mirror.readCounts(io);
    if (sample !== "empty") io.bytesRead += USUAL_ENTRY.document + USUAL_ENTRY.byKey;
    const isRead = sample === "present" || (sample !== "unread" && !tableEmpty);
    if (!isRead || sampled >= SAMPLE_BYTES) continue;
    const isAsked = sampledTables < SAMPLED_TABLES;
    const bytes = isAsked ? await mirror.documentBytes() : sampled / sampledTables;
    if (isAsked) sampledTables += 1;
    sampled += bytes;
    io.bytesRead += bytes;
  }
  const mirrors = result.mirrors.map((one) => ({ ...one, rows: one.rows + mirrorOf(one.table).newRows }));
  return { ...result, mirrors };
}

function readLookUp(
  { written }: ForeseenMirror,
  { keys }: Arguments,
  { present }: LookupResult,
  io: DatabaseIo,
): LookupResult {
  const found = new Map(present.map(({ key, hash }) => [key, hash]));
  for (const key of keys) {
    const hash = written.get(key)?.hash;
    if (hash === null) found.delete(key);
    else if (hash !== undefined) found.set(key, hash);
  }
  const entries = [...found].map(([key, hash]) => ({ key, hash }));
  for (const { key, hash } of entries) readEntry(key, hash, io);
  return { present: entries };
}

function readLedger(
  { written }: ForeseenMirror,
  { after }: Arguments,
  { entries, done }: LedgerPage,
  io: DatabaseIo,
): LedgerPage {
  const last = done ? null : (entries.at(-1)?.key ?? after);
  const isHere = (key: string) =>
    (after === null || inBytes(key, after) > 0) && (last === null || inBytes(key, last) <= 0);
  const come = [...written].flatMap(([key, { hash }]) =>
    hash !== null && isHere(key) ? [{ key, hash }] : [],
  );
  const stayed = entries.filter(({ key }) => !written.has(key));
  const all = come.length === 0 ? stayed : [...stayed, ...come].sort((a, b) => inBytes(a.key, b.key));
  for (const { key, hash } of all) readEntry(key, hash, io);
  return { entries: all, done };
}

/** The order of Convex's indexes. */
function inBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function readEntry(key: string, hash: string, io: DatabaseIo): void {
  const entry = ledgerBytes(key, hash);
  io.bytesRead += entry.document + entry.byKey;
}

/** Documents that the run would have made come last. They are as it made them: their hash says that they differ from none. */
async function readDocuments(
  mirror: ForeseenMirror,
  page: DocumentPage,
  io: DatabaseIo,
): Promise<DocumentPage> {
  const { written } = mirror;
  const isGone = (one: Written | undefined) => one?.hash === null;
  const entries = page.entries.filter(({ ledger }) => ledger === null || !isGone(written.get(ledger.key)));
  for (const { ledger, document } of entries) {
    io.bytesRead += getDocumentSize(document as Record<string, Value>);
    if (ledger !== null) readEntryOfDocument(ledger.key, io);
  }
  if (page.done) {
    for (const [key, { hash, rows }] of written) {
      if (hash === null || rows <= 0) continue;
      io.bytesRead += await mirror.documentBytes();
      readEntryOfDocument(key, io);
      entries.push({ id: "", ledger: { key, hash: "" }, document: {} });
    }
  }
  return { ...page, entries };
}

function readEntryOfDocument(key: string, io: DatabaseIo): void {
  const entry = ledgerBytes(key, "0".repeat(22));
  io.bytesRead += entry.document + entry.byDocument;
}

async function readMissing(
  mirror: ForeseenMirror,
  { limit }: Arguments,
  page: MissingPage,
  io: DatabaseIo,
): Promise<MissingPage> {
  const missing = page.missing.filter((key) => !mirror.written.has(key));
  for (const key of missing) mirror.missing.add(key);
  const rows = mirror.handshake?.rows ?? 0;
  const looked = Math.max(missing.length, page.after === null ? rows % limit : limit);
  io.bytesRead += looked * (USUAL_ENTRY.document + USUAL_ENTRY.byKey);
  if (looked > missing.length) io.bytesRead += (looked - missing.length) * (await mirror.documentBytes());
  return { ...page, missing };
}
