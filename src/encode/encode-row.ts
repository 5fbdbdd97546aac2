import { CONVEX_LIMITS } from "../limits.js";
import { Unencodable, type Meter } from "./codec.js";
import type { DocumentPlan } from "./plan-document.js";
import type { EncodedDocument, EncodeResult, Refusal } from "./types.js";
import { SIZE } from "./value-size.js";

/**
 * Makes the document of one row, or says why Convex cannot hold it without loss.
 * @param texts what Postgres prints for each of the plan's columns, null for NULL
 */
export function encodeRow(plan: DocumentPlan, texts: readonly (string | null)[]): EncodeResult {
  const document: EncodedDocument = {};
  const meter: Meter = { bytes: plan.emptyBytes, depth: 1 };
  const { columns } = plan;
  if (texts.length !== columns.length) {
    throw new Error(`A row of ${texts.length} values does not fit a plan of ${columns.length} columns`);
  }
  let largest = { name: "", bytes: 0 };
  for (let i = 0; i < columns.length; i++) {
    const { name, field, codec } = columns[i]!;
    const text = texts[i]!;
    const bytesBefore = meter.bytes;
    if (text === null) {
      document[field] = null;
      meter.bytes += SIZE.null;
      continue;
    }
    try {
      document[field] = codec.encode(text, meter);
    } catch (error) {
      if (!(error instanceof Unencodable)) throw error;
      return refuse(error.code, name, `Column "${name}" cannot be mirrored: ${error.message}.`);
    }
    const bytes = meter.bytes - bytesBefore;
    if (bytes > largest.bytes) largest = { name, bytes };
  }
  if (meter.bytes > CONVEX_LIMITS.maxDocumentBytes) {
    const limit = CONVEX_LIMITS.maxDocumentBytes;
    const message =
      `The document would have ${meter.bytes} bytes, and Convex takes ${limit}; ` +
      `its largest column is "${largest.name}" with ${largest.bytes}.`;
    return refuse("DOCUMENT_TOO_LARGE", null, message);
  }
  return { ok: true, document, bytes: meter.bytes };
}

/**
 * The text that Postgres prints for each of the plan's columns; for columns encoded as json, text of an equal jsonb.
 * A field that the document lacks is null: it was written before the column was mirrored.
 * @param document as `encodeRow` made it, system fields or not
 */
export function decodeDocument(plan: DocumentPlan, document: EncodedDocument): (string | null)[] {
  return plan.columns.map(({ field, codec }) => {
    const value = document[field];
    return value === undefined || value === null ? null : codec.decode(value);
  });
}

function refuse(code: Refusal["code"], column: string | null, message: string): EncodeResult {
  return { ok: false, refusal: { code, column, message } };
}
