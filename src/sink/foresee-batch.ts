import { getDocumentSize, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { BatchResult } from "../../convex/datahubSync/batchProtocol.js";
import type { ForeseenMirror } from "./foreseen-mirror.js";
import { keysOf, ledgerBytes, type DatabaseIo } from "./io-estimate.js";

/** The arguments of `applyBatch` as they stand in a request: documents in Convex's encoding. */
export interface BatchRequest {
  table: string;
  slot: number;
  upserts: { key: string; hash: string; document: JSONValue }[];
  deletions: string[];
  orphans: string[];
  force: boolean;
}

/**
 * What `applyBatch` would answer, and the I/O that it would cost, step by step as convex/datahubSync/batch.ts takes them.
 * What the schema would refuse is not foreseen.
 */
export async function foreseeBatch(
  mirror: ForeseenMirror,
  { slot, upserts, deletions, orphans, force }: BatchRequest,
  { io, note }: { io: DatabaseIo; note: ForeseenMirror["note"] },
): Promise<BatchResult> {
  const result: BatchResult = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0 };
  const { state } = mirror;
  io.bytesRead += state.document + state.key; // the token is held against it
  const entries = await mirror.lookUp([...upserts.map(({ key }) => key), ...deletions]);
  for (const [key, hash] of entries) {
    const entry = ledgerBytes(key, hash);
    io.bytesRead += entry.document + entry.byKey;
  }
  let rows = 0;
  for (const { key, hash, document: json } of upserts) {
    const before = entries.get(key);
    if (before === hash && !force) {
      result.unchanged += 1;
      continue;
    }
    const document = jsonToConvex(json) as Record<string, Value>;
    const bytes = getDocumentSize(document);
    const entry = ledgerBytes(key, hash);
    io.bytesWritten += bytes + keysOf(document, mirror.handshake?.indexes ?? []);
    if (before === undefined) {
      result.inserted += 1;
      rows += 1;
      io.bytesWritten += entry.document + entry.byKey + entry.byDocument;
    } else {
      const isGone = force && mirror.missing.delete(key);
      result[isGone ? "inserted" : "updated"] += 1;
      // The old document is read, and taken to be as large as the new one.
      if (!isGone) io.bytesRead += bytes;
      if (isGone || before !== hash) {
        io.bytesRead += entry.document;
        io.bytesWritten += entry.document + entry.byKey + entry.byDocument;
      }
    }
    note(key, hash, before === undefined ? 1 : 0);
  }
  for (const key of deletions) {
    const hash = entries.get(key);
    result[hash === undefined ? "absent" : "deleted"] += 1;
    if (hash === undefined) continue;
    rows -= 1;
    io.bytesRead += (await mirror.documentBytes()) + ledgerBytes(key, hash).document;
    note(key, null, -1);
  }
  result.deleted += orphans.length;
  if (orphans.length > 0) io.bytesRead += orphans.length * (await mirror.documentBytes());
  if (rows !== 0) mirror.countRows(slot, io);
  return result;
}
