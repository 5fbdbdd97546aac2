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
import type * as datahubSync_adopt from "../datahubSync/adopt.js";
import type * as datahubSync_auth from "../datahubSync/auth.js";
import type * as datahubSync_batch from "../datahubSync/batch.js";
import type * as datahubSync_batchProtocol from "../datahubSync/batchProtocol.js";
import type * as datahubSync_errors from "../datahubSync/errors.js";
import type * as datahubSync_freshness from "../datahubSync/freshness.js";
import type * as datahubSync_functions from "../datahubSync/functions.js";
import type * as datahubSync_handshake from "../datahubSync/handshake.js";
import type * as datahubSync_indexKeys from "../datahubSync/indexKeys.js";
import type * as datahubSync_ledger from "../datahubSync/ledger.js";
import type * as datahubSync_mirrorNumber from "../datahubSync/mirrorNumber.js";
import type * as datahubSync_mirrored from "../datahubSync/mirrored.js";
import type * as datahubSync_pageProtocol from "../datahubSync/pageProtocol.js";
import type * as datahubSync_pages from "../datahubSync/pages.js";
import type * as datahubSync_protocol from "../datahubSync/protocol.js";
import type * as datahubSync_refusal from "../datahubSync/refusal.js";
import type * as datahubSync_runProtocol from "../datahubSync/runProtocol.js";
import type * as datahubSync_runs from "../datahubSync/runs.js";
import type * as datahubSync_stateProtocol from "../datahubSync/stateProtocol.js";
import type * as datahubSync_usage from "../datahubSync/usage.js";
import type * as defaultMirrorTables from "../defaultMirrorTables.js";

const fullApi: ApiFromModules<{
  datahubSync: typeof datahubSync;
  "datahubSync/adopt": typeof datahubSync_adopt;
  "datahubSync/auth": typeof datahubSync_auth;
  "datahubSync/batch": typeof datahubSync_batch;
  "datahubSync/batchProtocol": typeof datahubSync_batchProtocol;
  "datahubSync/errors": typeof datahubSync_errors;
  "datahubSync/freshness": typeof datahubSync_freshness;
  "datahubSync/functions": typeof datahubSync_functions;
  "datahubSync/handshake": typeof datahubSync_handshake;
  "datahubSync/indexKeys": typeof datahubSync_indexKeys;
  "datahubSync/ledger": typeof datahubSync_ledger;
  "datahubSync/mirrorNumber": typeof datahubSync_mirrorNumber;
  "datahubSync/mirrored": typeof datahubSync_mirrored;
  "datahubSync/pageProtocol": typeof datahubSync_pageProtocol;
  "datahubSync/pages": typeof datahubSync_pages;
  "datahubSync/protocol": typeof datahubSync_protocol;
  "datahubSync/refusal": typeof datahubSync_refusal;
  "datahubSync/runProtocol": typeof datahubSync_runProtocol;
  "datahubSync/runs": typeof datahubSync_runs;
  "datahubSync/stateProtocol": typeof datahubSync_stateProtocol;
  "datahubSync/usage": typeof datahubSync_usage;
  defaultMirrorTables: typeof defaultMirrorTables;
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
