/**
 * What `datahub-sync/convex` exports: all that an app with functions and tables of its own needs to hold
 * mirrors.
 *
 * @module
 */
export { mirrorFreshness, type MirrorFreshness } from "./datahubSyncFreshness.js";
export { defineDatahubSync, type DatahubSyncOptions } from "./datahubSyncFunctions.js";
export { datahubSyncTables } from "./datahubSyncLedger.js";
export { defaultMirrorTables, mirrored } from "./datahubSyncTables.js";
export * from "./datahubSyncValues.js";
