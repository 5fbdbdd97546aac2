import { defineDatahubSync } from "./datahubSyncFunctions.js";
import { defaultMirrorTables } from "./datahubSyncTables.js";

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
