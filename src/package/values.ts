/**
 * What `datahub-sync/values` exports: from mirrored values back to what Postgres has. For Convex functions and for
 * clients; it depends on nothing, so that a browser's bundle gets these few functions and no more.
 *
 * @module
 */
export { decodeJson, printJson, type Json } from "./json.js";
export {
  decodeArray,
  decodeComposite,
  decodeMultirange,
  decodeRange,
  type ArrayTexts,
  type Bounds,
  type Range,
} from "./literals.js";
export { toDate, toMicroseconds } from "./time.js";
