import type { ColumnShape } from "../encode/types.js";
import type { RelationName } from "../config/types.js";

/** A key column: its name, and its type, or the one at the bottom of its domain, as SQL that can be cast to. */
export interface KeyColumn {
  name: string;
  typeSql: string;
}

/** What tracking has recorded of a base table, and whether the catalog still agrees. */
export interface Tracking {
  id: number;
  generation: number;
  /**
   * Names the files that hold the table, and the rules of the view over it: others mean that it was rewritten, or the
   * view replaced, by which no trigger is fired.
   */
  files: string;
  /** Whether our indexes are there; without them a run is as exact, and reads the whole table. */
  indexed: boolean;
  /** Null while everything is in place; otherwise what is not, in one sentence. */
  problem: string | null;
}

/** One mirror, resolved against the catalog: everything that a run needs to read it. */
export interface MirrorSource {
  /** The Convex table, and the mirror's name everywhere. */
  name: string;
  relation: RelationName;
  base: RelationName;
  baseOid: string;
  isView: boolean;
  keyColumns: KeyColumn[];
  /** The SQL expression of the canonical key text, over the alias `r`. */
  keyExpression: string;
  /** A single uuid, also as a domain, sorts natively in the byte order of its text, by the index of the primary key. */
  keyOrder: "uuid" | "text";
  /** The mirrored columns. */
  columns: ColumnShape[];
  /** Columns of the base that may hold wide values, for the size estimate of a page. */
  wideColumns: string[];
  tracking: Tracking | null;
  /** Why content may change without a row being marked, in one sentence: each run compares. Null: it cannot. */
  unmarked: string | null;
  /** Of everything that shapes a document; salts every content hash. */
  fingerprint: string;
}
