import { defaultMirrorTables, defineDatahubSync } from "./datahubSyncPackage.js";

export const {
  handshake,
  beginRun,
  rotateFence,
  applyBatch,
  finishRun,
  listLedger,
  listDocuments,
  listMissing,
  lookupKeys,
} = defineDatahubSync({ tables: defaultMirrorTables });
