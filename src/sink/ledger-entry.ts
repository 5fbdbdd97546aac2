import type { DataModelFromSchemaDefinition, SchemaDefinition, WithoutSystemFields } from "convex/server";
import type { datahubSyncTables, LedgerEntry } from "../../convex/datahubSync/ledger.js";

type SyncTables = DataModelFromSchemaDefinition<SchemaDefinition<typeof datahubSyncTables, true>>;
type LedgerIndexes = Omit<SyncTables["datahubSyncLedger"]["indexes"], "by_id" | "by_creation_time">;
type OwnFields<Fields> = Fields extends [...infer Own, "_creationTime"] ? Own : never;

/** The indexes of `datahubSyncLedger`. The types are the schema's: this does not compile when the two differ. */
export const LEDGER_INDEXES: { [Name in keyof LedgerIndexes]: OwnFields<LedgerIndexes[Name]> } = {
  by_key: ["m", "k"],
  by_document: ["d"],
};

/** As `applyBatch` writes it. Every number is of one size, and ids have 32 characters. */
export function ledgerEntry(key: string, hash: string): WithoutSystemFields<LedgerEntry> {
  return { m: 0, k: key, h: hash, d: "0".repeat(32) };
}
