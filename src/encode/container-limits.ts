import { CONVEX_LIMITS } from "../model/limits.js";
import { Unencodable, type Meter } from "./codec.js";
import { SIZE } from "./value-size.js";

/** Charges an array or object and goes a level down; whoever enters also takes `meter.depth` back. */
export function enterContainer(meter: Meter): void {
  meter.bytes += SIZE.container;
  meter.depth++;
  checkDepth(meter.depth);
}

export function checkDepth(depth: number): void {
  if (depth <= CONVEX_LIMITS.maxDocumentNesting) return;
  throw new Unencodable(
    "TOO_DEEP",
    `it nests deeper than the ${CONVEX_LIMITS.maxDocumentNesting} levels of a Convex document`,
  );
}

export function checkItemCount(count: number): void {
  if (count <= CONVEX_LIMITS.maxArrayItems) return;
  throw new Unencodable(
    "TOO_MANY_ELEMENTS",
    `one of its arrays has ${count} items, and Convex takes ${CONVEX_LIMITS.maxArrayItems}`,
  );
}

export function checkFieldCount(count: number): void {
  if (count <= CONVEX_LIMITS.maxObjectFields) return;
  throw new Unencodable(
    "TOO_MANY_FIELDS",
    `one of its objects has ${count} fields, and Convex takes ${CONVEX_LIMITS.maxObjectFields}`,
  );
}
