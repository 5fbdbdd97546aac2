import type { GenericId } from "convex/values";
import { refusal } from "./errors.js";
import { indexesOf } from "./indexKeys.js";
import {
  addEntry,
  addRows,
  changeEntry,
  findByDocument,
  findByKey,
  type LedgerEntry,
  type MirrorReader,
  type MirrorWriter,
} from "./ledger.js";
import { mirrorNumber } from "./mirrorNumber.js";
import type { Batch, BatchResult, Upsert } from "./batchProtocol.js";
import { LIMITS } from "./protocol.js";
import { explainRefusal, type TableDefinition } from "./refusal.js";
import { requireToken } from "./runs.js";

/**
 * Writes one batch: documents, their ledger entries and the row count, all or nothing. Repeating it is
 * harmless.
 *
 * Every lookup comes first, at once, so that Convex can serve them together; then the writes, one by one, so
 * that a refused row is known by its key. An equal hash ends a row at its ledger entry: its document is
 * neither read nor written (invariant 4).
 */
export async function applyBatch(
  db: MirrorWriter,
  mirror: TableDefinition,
  batch: Batch,
): Promise<BatchResult> {
  requireSoundBatch(batch);
  await requireToken(db, batch);
  const { table, slot, upserts, deletions, orphans, force } = batch;
  const result: BatchResult = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0 };
  const entries = await findEntries(db, table, [...upserts.map((row) => row.key), ...deletions]);
  let rows = 0;

  for (const row of upserts) {
    const entry = entries.get(row.key) ?? null;
    if (entry?.h === row.hash && !force) {
      result.unchanged += 1;
      continue;
    }
    const written = await namingTheRow(
      { key: row.key },
      () => write(db, mirror, table, row, entry),
      () => explainRefusal(mirror, row.document),
    );
    result[written] += 1;
    if (entry === null) rows += 1;
  }
  for (const key of deletions) {
    const entry = entries.get(key) ?? null;
    if (entry === null) {
      result.absent += 1;
      continue;
    }
    await namingTheRow({ key }, () => remove(db, table, entry));
    result.deleted += 1;
    rows -= 1;
  }
  for (const id of orphans) {
    const removed = await namingTheRow({ orphan: id }, () => removeOrphan(db, table, id));
    result[removed ? "deleted" : "absent"] += 1;
  }
  await addRows(db, table, slot, rows);
  return result;
}

function requireSoundBatch({ slot, upserts, deletions, orphans }: Batch): void {
  if (!Number.isInteger(slot) || slot < 0 || slot >= LIMITS.slots) {
    throw refusal("BAD_REQUEST", `slot must be a whole number from 0 to ${LIMITS.slots - 1}.`);
  }
  if (upserts.length + deletions.length + orphans.length > LIMITS.batchRows) {
    throw refusal("BAD_REQUEST", `A batch holds at most ${LIMITS.batchRows} rows.`);
  }
  const keys = new Set([...upserts.map((row) => row.key), ...deletions]);
  if (keys.size < upserts.length + deletions.length) {
    // Which of the two should win is not ours to guess.
    throw refusal("BAD_REQUEST", "A key stands twice in one batch.");
  }
}

async function findEntries(
  db: MirrorReader,
  table: string,
  keys: string[],
): Promise<Map<string, LedgerEntry>> {
  const found = new Map<string, LedgerEntry>();
  await Promise.all(
    keys.map(async (key) => {
      const entry = await namingTheRow({ key }, () => findByKey(db, table, key));
      if (entry !== null) found.set(key, entry);
    }),
  );
  return found;
}

/** Writes the row's document and its ledger entry, and says which kind of write the document had. */
async function write(
  db: MirrorWriter,
  mirror: TableDefinition,
  table: string,
  row: Upsert,
  entry: LedgerEntry | null,
): Promise<"inserted" | "updated"> {
  const { key, hash } = row;
  if (entry === null) {
    const document = await insert(db, mirror, table, row);
    await addEntry(db, { m: mirrorNumber(table), k: key, h: hash, d: document });
    return "inserted";
  }
  const id = db.normalizeId(table, entry.d);
  if (id !== null && (await replaceIfPresent(db, table, id, row.document))) {
    db.keys?.noteWritten(indexesOf(mirror), row.document);
    if (entry.h !== hash) await changeEntry(db, entry, { h: hash });
    return "updated";
  }
  const document = await insert(db, mirror, table, row);
  await changeEntry(db, entry, { h: hash, d: document });
  return "inserted";
}

async function insert(
  db: MirrorWriter,
  mirror: TableDefinition,
  table: string,
  { document }: Upsert,
): Promise<GenericId<string>> {
  const id = await db.insert(table, document);
  db.keys?.noteWritten(indexesOf(mirror), document);
  return id;
}

/**
 * False if the document is gone. `replace` reads the old document anyway, and reads are metered as whole
 * documents: so we look only after a failure, not before every write.
 */
async function replaceIfPresent(
  db: MirrorWriter,
  table: string,
  id: GenericId<string>,
  document: Upsert["document"],
): Promise<boolean> {
  try {
    await db.replace(table, id, document);
    return true;
  } catch (cause) {
    if ((await db.get(table, id)) === null) return false;
    throw cause;
  }
}

async function deleteIfPresent(db: MirrorWriter, table: string, id: GenericId<string>): Promise<boolean> {
  try {
    await db.delete(table, id);
    return true;
  } catch (cause) {
    if ((await db.get(table, id)) === null) return false;
    throw cause;
  }
}

async function remove(db: MirrorWriter, table: string, entry: LedgerEntry): Promise<void> {
  const id = db.normalizeId(table, entry.d);
  if (id !== null) await deleteIfPresent(db, table, id);
  await db.delete("datahubSyncLedger", entry._id);
}

/** Deletes a document of the table that no ledger entry points to; false if there is no such document. */
async function removeOrphan(db: MirrorWriter, table: string, document: string): Promise<boolean> {
  const id = db.normalizeId(table, document);
  if (id === null || (await findByDocument(db, id)) !== null) return false;
  return await deleteIfPresent(db, table, id);
}

/**
 * Turns whatever Convex says against a row (schema, size, a transaction limit) into ROW_FAILED with the row's
 * key (an orphan's id). Convex's own message may quote the document, so it goes no further.
 */
async function namingTheRow<T>(
  row: { key: string } | { orphan: string },
  work: () => Promise<T>,
  explain?: () => string | undefined,
): Promise<T> {
  try {
    return await work();
  } catch {
    const reason = explain?.() ?? "Convex refused it, or its transaction had grown too large.";
    throw refusal("ROW_FAILED", "A row of the batch was refused; nothing of the batch was written.", {
      ...row,
      reason,
    });
  }
}
