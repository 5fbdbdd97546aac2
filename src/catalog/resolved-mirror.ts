import type { MirrorConfig } from "../model/config.js";
import type { CatalogEntry } from "./read-catalog.js";
import type { Relation } from "./relation.js";
import type { TrackingRecord } from "./tracking.js";

/** A configured mirror with what the catalog says of it: what `migrate` needs before a table is tracked. */
export interface ResolvedMirror {
  config: MirrorConfig;
  relation: Relation;
  base: Relation;
  /**
   * Why nothing can be tracked for it, so that it is compared by itself: the relation is its own base then. Null: changes of its
   * base table are logged.
   */
  untrackable: string | null;
  /** The parse trees of the view and of the views under it, down to the one over the base; none of a table. */
  viewTrees: string[];
  /** In the order of the unique index that they carry. */
  keyColumns: string[];
  key: NonNullable<CatalogEntry["key"]>;
  tracking: TrackingRecord | null;
  /** Of the base table; see `Sight`. */
  files: string;
  partitions: string;
  generated: CatalogEntry["generated"];
}
