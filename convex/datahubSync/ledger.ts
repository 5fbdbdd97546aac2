import {
  defineTable,
  type DataModelFromSchemaDefinition,
  type GenericDatabaseReader,
  type GenericDatabaseWriter,
  type GenericTableInfo,
  type SchemaDefinition,
  type WithoutSystemFields,
} from "convex/server";
import { v } from "convex/values";
import { indexesOf, type IndexKeys } from "./indexKeys.js";
import { mirrorNumber } from "./mirrorNumber.js";
import { mirrorStateFields } from "./stateProtocol.js";

/**
 * The sync's own tables, to spread into a schema beside the mirrored ones. Apps only read
 * `datahubSyncMirrors`.
 * @example
 * ```ts
 * // convex/schema.ts
 * import { defineSchema, defineTable } from "convex/server";
 * import { v } from "convex/values";
 * import { datahubSyncTables, defaultMirrorTables } from "datahub-sync/convex";
 *
 * export default defineSchema({
 *   messages: defineTable({ author: v.string(), text: v.string() }), // the app's own
 *   ...defaultMirrorTables,
 *   ...datahubSyncTables,
 * });
 * ```
 */
export const datahubSyncTables = {
  /**
   * One small document for each mirrored row. `applyBatch` writes and deletes it in the transaction that
   * writes the row's document; the queries read it. It lets a run skip a row whose content is equal without
   * reading the document, which Convex would meter whole.
   *
   * Names of one letter, since Convex stores them with every entry, and again with every entry of an index.
   * `by_document` is one of two copies beside the entry. It stays: without it a deep run could tell a document
   * that nobody accounts for only by reading all documents twice, and a deletion of such a document could not
   * be refused in the transaction that makes it when the ledger has come to know it.
   */
  datahubSyncLedger: defineTable({
    /** The mirror: `mirrorNumber` of the table's name. */
    m: v.number(),
    /** The row's canonical key text. */
    k: v.string(),
    /** The hash of its content. */
    h: v.string(),
    /** Id of the mirrored document. Text, not `v.id`: the table is not known when this module is written. */
    d: v.string(),
  })
    .index("by_key", ["m", "k"])
    .index("by_document", ["d"]),

  /**
   * One document for each mirror. `beginRuns`, `rotateFence` and `finishRuns` write it, never a batch: batches
   * only read it, so that they conflict with a change of run and not with each other. Nobody deletes it.
   */
  datahubSyncMirrors: defineTable(mirrorStateFields).index("by_table", ["table"]),

  /**
   * Rows of a mirror, one count for each sender slot: a single count would make parallel batches conflict.
   * `applyBatch` writes it in the transaction that changes the ledger, so the sum is exact; a single slot may
   * well be negative (one slot inserted what another deleted). Nobody deletes it.
   */
  datahubSyncCounts: defineTable({
    table: v.string(),
    slot: v.number(),
    rows: v.number(),
  }).index("by_slot", ["table", "slot"]),
};

type SyncDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof datahubSyncTables, true>>;

/**
 * Our tables with their types, and any other table as one that holds documents: the mirrors are named at run
 * time.
 */
export type MirrorDataModel = SyncDataModel & Record<string, GenericTableInfo>;
/** With what counts index keys, where somebody wants to know. */
export type MirrorReader = GenericDatabaseReader<MirrorDataModel> & { readonly keys?: IndexKeys };
export type MirrorWriter = GenericDatabaseWriter<MirrorDataModel> & { readonly keys?: IndexKeys };
export type LedgerEntry = SyncDataModel["datahubSyncLedger"]["document"];

const LEDGER = indexesOf(datahubSyncTables.datahubSyncLedger);
const COUNTS = indexesOf(datahubSyncTables.datahubSyncCounts);
const [BY_KEY, BY_DOCUMENT] = LEDGER as [string[], string[]];

/** `unique`: two entries for one key mean a damaged ledger, which is to fail rather than be half right. */
export async function findByKey(db: MirrorReader, table: string, key: string): Promise<LedgerEntry | null> {
  const entry = await db
    .query("datahubSyncLedger")
    .withIndex("by_key", (q) => q.eq("m", mirrorNumber(table)).eq("k", key))
    .unique();
  if (entry !== null) noteListed(db, entry);
  return entry;
}

export async function findByDocument(db: MirrorReader, document: string): Promise<LedgerEntry | null> {
  const entry = await db
    .query("datahubSyncLedger")
    .withIndex("by_document", (q) => q.eq("d", document))
    .unique();
  if (entry !== null) db.keys?.noteRead(BY_DOCUMENT, entry);
  return entry;
}

export async function addEntry(db: MirrorWriter, entry: WithoutSystemFields<LedgerEntry>): Promise<void> {
  await db.insert("datahubSyncLedger", entry);
  db.keys?.noteWritten(LEDGER, entry);
}

export async function changeEntry(
  db: MirrorWriter,
  entry: LedgerEntry,
  change: Partial<Pick<LedgerEntry, "h" | "d">>,
): Promise<void> {
  await db.patch("datahubSyncLedger", entry._id, change);
  db.keys?.noteWritten(LEDGER, { ...entry, ...change });
}

/** Counts the key of an entry that `ledgerAfter` has given. */
export function noteListed(db: MirrorReader, entry: LedgerEntry): void {
  db.keys?.noteRead(BY_KEY, entry);
}

/** Ledger entries of a table in the order of their keys' UTF-8 bytes, which is how Convex orders strings. */
export function ledgerAfter(db: MirrorReader, table: string, after: string | null) {
  return db.query("datahubSyncLedger").withIndex("by_key", (q) => {
    const ofMirror = q.eq("m", mirrorNumber(table));
    return after === null ? ofMirror : ofMirror.gt("k", after);
  });
}

/** Rows in the mirror: the sum over the slots. */
export async function countRows(db: MirrorReader, table: string): Promise<number> {
  const counts = await findCounts(db, table);
  return counts.reduce((sum, count) => sum + count.rows, 0);
}

export async function addRows(db: MirrorWriter, table: string, slot: number, change: number): Promise<void> {
  if (change === 0) return;
  const [count] = await findCounts(db, table, slot);
  const rows = (count?.rows ?? 0) + change;
  if (count === undefined) await db.insert("datahubSyncCounts", { table, slot, rows });
  else await db.patch("datahubSyncCounts", count._id, { rows });
  db.keys?.noteWritten(COUNTS, { table, slot, rows });
}

/** Puts the count right, after the counts or the ledger were tampered with. */
export async function setRows(db: MirrorWriter, table: string, rows: number): Promise<void> {
  for (const count of await findCounts(db, table)) await db.delete("datahubSyncCounts", count._id);
  await addRows(db, table, 0, rows);
}

async function findCounts(db: MirrorReader, table: string, slot?: number) {
  const counts = await db
    .query("datahubSyncCounts")
    .withIndex("by_slot", (q) => {
      const ofTable = q.eq("table", table);
      return slot === undefined ? ofTable : ofTable.eq("slot", slot);
    })
    .collect();
  for (const count of counts) db.keys?.noteRead(COUNTS[0]!, count);
  return counts;
}
