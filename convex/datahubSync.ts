import { defineDatahubSync } from "./datahubSync/functions.js";
import { defaultMirrorTables } from "./defaultMirrorTables.js";

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
  readDocuments,
  adoptDocuments,
  freshness,
} = defineDatahubSync({ tables: defaultMirrorTables });
