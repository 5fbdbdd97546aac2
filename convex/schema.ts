import { defineSchema } from "convex/server";
import { datahubSyncTables } from "./datahubSync/ledger.js";
import { defaultMirrorTables } from "./defaultMirrorTables.js";

export default defineSchema({ ...defaultMirrorTables, ...datahubSyncTables });
