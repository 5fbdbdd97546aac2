import { defaultMirrorTables, defineDatahubSync } from "./datahubSyncPackage.js";

export const {
  handshake,
  beginRuns,
  rotateFence,
  applyBatch,
  finishRuns,
  listLedger,
  listDocuments,
  listMissing,
  lookupKeys,
} = defineDatahubSync({ tables: defaultMirrorTables });
