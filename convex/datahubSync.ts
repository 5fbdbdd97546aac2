import { defineDatahubSync } from "./datahubSync/functions.js";
import { defaultMirrorTables } from "./datahubSync/tables.js";

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
