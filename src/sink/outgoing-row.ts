import type { Value } from "convex/values";

/** A row to be mirrored, encoded and small enough for a document. */
export interface OutgoingRow {
  /** The row's canonical key text. */
  key: string;
  /** Content hash, from the statement that read the row (invariant 13). */
  hash: string;
  /** The document as JSON in Convex's encoding. */
  json: string;
  /** The document's size as Convex counts it. */
  bytes: number;
  /** The values of the fields that the table's indexes read, for the estimate of what their entries take. */
  indexed?: Readonly<Record<string, Value | undefined>>;
}
