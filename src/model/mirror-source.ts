import type { ColumnShape } from "./encoding.js";
import type { RelationName } from "./config.js";
import type { KeyKind } from "./key-part.js";
import type { Sight } from "./sight.js";

/** A key column: its name, and its type, or the one at the bottom of its domain, as SQL that can be cast to. */
export interface KeyColumn {
  name: string;
  typeSql: string;
  kind: KeyKind;
  /** The collation of the owner's index, quoted, where it is not the column's. */
  sorting: string | null;
}

/** How tracking stands, as recorded and as the catalog has it. */
export interface Tracking {
  id: number;
  generation: number;
  /** Null while every change is logged; otherwise why some may not be, in one clause. */
  problem: string | null;
  /** The table has columns that the tracking does not know yet. Those that it knows are logged. */
  isBehind: boolean;
}

/** The tracked id of a table that is not tracked: no entry of the log has it. */
export const UNTRACKED = 0;

/** One mirror, resolved against the catalog: everything that a run needs to read it. */
export interface MirrorSource {
  /** The Convex table, and the mirror's name everywhere. */
  name: string;
  relation: RelationName;
  base: RelationName;
  baseOid: string;
  /** Not a table: a view, a materialized view, a foreign table. */
  isView: boolean;
  /** Why nothing is tracked for it, and each run compares it, in a clause; null: changes of its base table are logged. */
  untrackable: string | null;
  isPartitioned: boolean;
  /** Rows of the base table as statistics have it; null where there are none. */
  estimatedRows: number | null;
  /** In the order of the owner's index. */
  keyColumns: KeyColumn[];
  /** The SQL expression of the canonical key text, over the alias `r`. */
  keyExpression: string;
  /**
   * `bytes`: the owner's index has the order of the key texts' bytes, which is the ledger's: both are read side by side.
   * `index`: it has an order of its own, as in a language's collation.
   */
  keyOrder: "bytes" | "index";
  /** The mirrored columns. */
  columns: ColumnShape[];
  /** Those of them that may hold wide values, for the size estimate of a page. */
  wideColumns: string[];
  /** Of everything that shapes a document; salts every content hash. */
  fingerprint: string;
  tracking: Tracking | null;
  /** What a run sees of the catalog. */
  sight: Sight;
  /** What `updated_at` means in this mirror; `none`: it has no such column. */
  updatedAt: "content" | "as-written" | "none";
}
