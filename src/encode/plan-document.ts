import { getDocumentSize } from "convex/values";
import { SyncError } from "../model/errors.js";
import { CONVEX_LIMITS } from "../model/limits.js";
import type { Codec } from "./codec.js";
import { isConvexName } from "../model/names.js";
import { findCodec, listEncodings } from "./type-table.js";
import type { ColumnShape } from "../model/encoding.js";
import { SIZE } from "./value-size.js";

/** How the rows of one relation become documents. Columns are in the order of a row's texts. */
export interface DocumentPlan {
  readonly columns: readonly PlannedColumn[];
  /** Size of a document before its values: system fields and the names of all fields. */
  readonly emptyBytes: number;
}

export interface PlannedColumn {
  readonly name: string;
  readonly field: string;
  /** The field as it stands in JSON before its value: `"field":`. */
  readonly jsonKey: string;
  readonly codec: Codec;
}

/** `_id` and `_creationTime` count among a document's fields. */
const MAX_COLUMNS = CONVEX_LIMITS.maxObjectFields - 2;

/**
 * Chooses an encoder for each column, once for a table.
 * @param table as the configuration names it, for messages
 * @throws SyncError CONFIG_INVALID when an encoding cannot hold a column's type, or the fields make no document
 */
export function planDocument(columns: readonly ColumnShape[], table?: string): DocumentPlan {
  if (columns.length > MAX_COLUMNS) {
    throw configError(
      table,
      `${columns.length} columns are to be mirrored, and a Convex document holds ${MAX_COLUMNS}.`,
      'Name columns as "exclude" in the configuration file, or mirror views that each show some of them.',
    );
  }
  const columnOfField = new Map<string, string>();
  for (const { name, field } of columns) {
    if (!isConvexName(field)) {
      throw configError(
        table,
        `Column "${name}" is to be mirrored as the field "${field}", which Convex does not take.`,
        `Use a letter, then letters, digits and underscores, at most ${CONVEX_LIMITS.maxNameLength} in all.`,
      );
    }
    const other = columnOfField.get(field);
    if (other !== undefined) {
      throw configError(
        table,
        `The columns "${other}" and "${name}" are both to be mirrored as the field "${field}".`,
        "Give one of them another field name.",
      );
    }
    columnOfField.set(field, name);
  }
  const nameBytes = columns.reduce((sum, { field }) => sum + field.length + SIZE.key, 0);
  return {
    columns: columns.map((column) => ({
      name: column.name,
      field: column.field,
      jsonKey: `${JSON.stringify(column.field)}:`,
      codec: requireCodec(column, table),
    })),
    emptyBytes: getDocumentSize({}) + nameBytes,
  };
}

/**
 * The validator for a column's values but null, as source text: `v.string()`. In a schema it stands within
 * `mirrored(…)`, which adds null and makes the field optional.
 * @throws SyncError CONFIG_INVALID
 */
export function validatorSource(column: ColumnShape, table?: string): string {
  const { validators } = requireCodec(column, table);
  return validators.length === 1 ? validators[0]! : `v.union(${validators.join(", ")})`;
}

function requireCodec({ name, type, encoding }: ColumnShape, table: string | undefined): Codec {
  const codec = findCodec(type, encoding);
  if (codec !== null) return codec;
  throw configError(
    table,
    `Column "${name}" of type ${type.display} cannot be encoded as "${encoding}" without loss.`,
    `Choose one of the encodings ${listEncodings(type).join(", ")} for it.`,
  );
}

function configError(table: string | undefined, message: string, remedy: string): SyncError {
  return new SyncError({
    code: "CONFIG_INVALID",
    message,
    remedy,
    ...(table === undefined ? {} : { table }),
  });
}
