/**
 * How the text of a key's column is made; see `datahub_sync.key_expression`. Numbers, and times as numbers, begin with their
 * number of digits, so that their bytes sort as they do.
 */
export type KeyKind = "integer" | "date" | "timestamp" | "timestamptz" | "bytea" | "text";

/** A column of a key, as `datahub_sync.key_parts` describes it. */
export interface KeyPart {
  name: string;
  kind: KeyKind;
  /** Whether its texts sort as the owner's index does. */
  bytewise: boolean;
  /** The collation to order by, where the index has another one than the column. */
  sorting: string | null;
}
