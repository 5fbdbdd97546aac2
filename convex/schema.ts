import { defineSchema } from "convex/server";
import { datahubSyncTables } from "./datahubSync/ledger.js";
import { defaultMirrorTables } from "./datahubSync/tables.js";

export default defineSchema({ ...defaultMirrorTables, ...datahubSyncTables });
