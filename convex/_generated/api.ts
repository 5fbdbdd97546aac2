/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import { anyApi } from "convex/server";
import type * as datahubSync from "../datahubSync.js";
import type * as datahubSyncAuth from "../datahubSyncAuth.js";
import type * as datahubSyncBatch from "../datahubSyncBatch.js";
import type * as datahubSyncErrors from "../datahubSyncErrors.js";
import type * as datahubSyncFreshness from "../datahubSyncFreshness.js";
import type * as datahubSyncFunctions from "../datahubSyncFunctions.js";
import type * as datahubSyncHandshake from "../datahubSyncHandshake.js";
import type * as datahubSyncIndexKeys from "../datahubSyncIndexKeys.js";
import type * as datahubSyncLedger from "../datahubSyncLedger.js";
import type * as datahubSyncMirrorNumber from "../datahubSyncMirrorNumber.js";
import type * as datahubSyncPageProtocol from "../datahubSyncPageProtocol.js";
import type * as datahubSyncPages from "../datahubSyncPages.js";
import type * as datahubSyncProtocol from "../datahubSyncProtocol.js";
import type * as datahubSyncRefusal from "../datahubSyncRefusal.js";
import type * as datahubSyncRuns from "../datahubSyncRuns.js";
import type * as datahubSyncTables from "../datahubSyncTables.js";
import type * as datahubSyncUsage from "../datahubSyncUsage.js";

const fullApi: ApiFromModules<{
  datahubSync: typeof datahubSync;
  datahubSyncAuth: typeof datahubSyncAuth;
  datahubSyncBatch: typeof datahubSyncBatch;
  datahubSyncErrors: typeof datahubSyncErrors;
  datahubSyncFreshness: typeof datahubSyncFreshness;
  datahubSyncFunctions: typeof datahubSyncFunctions;
  datahubSyncHandshake: typeof datahubSyncHandshake;
  datahubSyncIndexKeys: typeof datahubSyncIndexKeys;
  datahubSyncLedger: typeof datahubSyncLedger;
  datahubSyncMirrorNumber: typeof datahubSyncMirrorNumber;
  datahubSyncPageProtocol: typeof datahubSyncPageProtocol;
  datahubSyncPages: typeof datahubSyncPages;
  datahubSyncProtocol: typeof datahubSyncProtocol;
  datahubSyncRefusal: typeof datahubSyncRefusal;
  datahubSyncRuns: typeof datahubSyncRuns;
  datahubSyncTables: typeof datahubSyncTables;
  datahubSyncUsage: typeof datahubSyncUsage;
}> = anyApi as any;

/**
 * A utility for referencing Convex functions in your app's public API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
export const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
> = anyApi as any;

/**
 * A utility for referencing Convex functions in your app's internal API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = internal.myModule.myFunction;
 * ```
 */
export const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
> = anyApi as any;
