/**
 * What `datahub-sync/convex` exports: all that an app with functions and tables of its own needs to hold
 * mirrors.
 *
 * @module
 */
export { mirrorFreshness, type MirrorFreshness } from "../../convex/datahubSyncFreshness.js";
export { defineDatahubSync, type DatahubSyncOptions } from "../../convex/datahubSyncFunctions.js";
export { datahubSyncTables } from "../../convex/datahubSyncLedger.js";
export { defaultMirrorTables, mirrored } from "../../convex/datahubSyncTables.js";
export * from "./values.js";
