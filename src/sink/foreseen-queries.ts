import type { JSONValue } from "convex/values";
import type {
  DocumentPage,
  LedgerPage,
  LookupResult,
  MissingPage,
} from "../../convex/datahubSync/pageProtocol.js";
import type { HandshakeResult } from "../../convex/datahubSync/stateProtocol.js";
import type { ForeseenMirror, Written } from "./foreseen-mirror.js";
import { ledgerBytes, type DatabaseIo } from "./io-estimate.js";

/** A query that was answered. */
export interface AnsweredQuery {
  name: string;
  args: JSONValue;
  /** Of what the run would have written, and was not there to be read: what it did read, the deployment tells. */
  io: DatabaseIo;
  mirrorOf: (table: string) => ForeseenMirror;
}

interface Arguments {
  table: string;
  keys: string[];
  after: string | null;
}

/** What a query would have answered had the run written what it would write. */
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
      return readMissing(mirrorOf(args.table), value as MissingPage);
    default:
      throw new Error(`What ${name} would answer is not known.`);
  }
}

function readHandshake({ mirrorOf }: AnsweredQuery, result: HandshakeResult): HandshakeResult {
  const mirrors = result.mirrors.map((handshake) => {
    const mirror = mirrorOf(handshake.table);
    mirror.handshake = handshake;
    mirror.hasState = handshake.state !== null;
    mirror.knownRows = handshake.rows;
    return { ...handshake, rows: handshake.rows + mirror.newRows };
  });
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
    if (hash == null) continue;
    if (!found.has(key)) readEntry(key, hash, io);
    found.set(key, hash);
  }
  return { present: [...found].map(([key, hash]) => ({ key, hash })) };
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
  const known = new Set(entries.map(({ key }) => key));
  for (const { key, hash } of come) if (!known.has(key)) readEntry(key, hash, io);
  const stayed = entries.filter(({ key }) => !written.has(key));
  const all = come.length === 0 ? stayed : [...stayed, ...come].sort((a, b) => inBytes(a.key, b.key));
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

function readMissing(mirror: ForeseenMirror, page: MissingPage): MissingPage {
  const missing = page.missing.filter((key) => !mirror.written.has(key));
  for (const key of missing) mirror.missing.add(key);
  return { ...page, missing };
}
