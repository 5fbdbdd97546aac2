import { createHash } from "node:crypto";
import type { ColumnShape, PgType } from "../model/encoding.js";
import type { Relation } from "./relation.js";

/**
 * A digest of everything that shapes a document besides the row: columns, types (enum labels included), encodings,
 * the key and the order of its texts, the view's definition, the encoder. It salts every content hash, so when one of these changes all hashes
 * do, and a changed fingerprint makes the table's next run full.
 * @param typesRead of the base's columns that a view computes from: it may print a label, or an attribute's name, and
 *   show no column of that type
 */
export function fingerprintOf(
  encoderVersion: number,
  relation: Relation,
  key: { columns: readonly string[]; types: readonly PgType[]; order: string },
  columns: readonly ColumnShape[],
  typesRead: readonly PgType[],
): string {
  const shape = {
    encoder: encoderVersion,
    key: { ...key, types: key.types.map(withoutOids) },
    definition: relation.definition,
    typesRead: typesRead.map(withoutOids),
    columns: columns.map(({ name, field, encoding, type }) => ({
      name,
      field,
      encoding,
      type: withoutOids(type),
    })),
  };
  return createHash("sha256").update(JSON.stringify(shape)).digest("base64url").slice(0, 22);
}

/** Oids of an extension's types differ between clusters with the same content. */
function withoutOids(type: unknown): unknown {
  return JSON.parse(JSON.stringify(type, (name, value: unknown) => (name === "oid" ? undefined : value)));
}
