import type { GenericSchema } from "convex/server";
import { getDocumentSize } from "convex/values";
import { validate } from "convex-helpers/validators";
import type { Upsert } from "./batchProtocol.js";

/** A mirrored table as the schema defines it. */
export type TableDefinition = GenericSchema[string];

/** Convex's limit for a document, `_id` and `_creationTime` included. */
const DOCUMENT_BYTES = 1024 * 1024;

/**
 * Why Convex would refuse this document, in words that hold names and no values: Convex's own message quotes
 * the document. Undefined if nothing is wrong with it by itself, say when the transaction has grown too
 * large.
 */
export function explainRefusal(mirror: TableDefinition, document: Upsert["document"]): string | undefined {
  if (getDocumentSize(document) > DOCUMENT_BYTES) return "The document is larger than 1 MiB.";
  const { validator } = mirror;
  if (validator.kind !== "object")
    return validate(validator, document) ? undefined : "The schema refuses the document.";
  for (const [field, value] of Object.entries(document)) {
    const type = Object.hasOwn(validator.fields, field) ? validator.fields[field] : undefined;
    if (type === undefined) return `The schema has no field "${field}".`;
    if (!validate(type, value)) return `The schema refuses the type of field "${field}".`;
  }
  const absent = Object.entries(validator.fields).find(
    ([field, type]) => type.isOptional === "required" && !Object.hasOwn(document, field),
  );
  return absent && `The schema requires field "${absent[0]}", which is not mirrored.`;
}
