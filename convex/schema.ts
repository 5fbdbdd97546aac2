import { defineSchema } from "convex/server";
import { datahubSyncTables } from "./datahubSyncLedger.js";
import { defaultMirrorTables } from "./datahubSyncTables.js";

export default defineSchema({ ...defaultMirrorTables, ...datahubSyncTables });
