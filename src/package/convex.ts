/**
 * What `datahub-sync/convex` exports: all that an app with functions and tables of its own needs to hold
 * mirrors.
 *
 * @module
 */
export { mirrorFreshness, type MirrorFreshness } from "../../convex/datahubSync/freshness.js";
export { defineDatahubSync, type DatahubSyncOptions } from "../../convex/datahubSync/functions.js";
export { datahubSyncTables } from "../../convex/datahubSync/ledger.js";
export { mirrored } from "../../convex/datahubSync/mirrored.js";
export { guardMirrors, type MirroredTableError } from "./guard.js";
export { defaultMirrorTables } from "../../convex/defaultMirrorTables.js";
export * from "./values.js";
