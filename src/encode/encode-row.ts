import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import { CONVEX_LIMITS } from "../model/limits.js";
import { Unencodable, type Codec, type Meter } from "./codec.js";
import type { DocumentPlan } from "./plan-document.js";
import type { EncodedDocument, EncodeResult, Refusal } from "../model/encoding.js";
import { SIZE } from "./value-size.js";

/**
 * Makes the document of one row, or says why Convex cannot hold it without loss.
 * @param texts what Postgres prints for each of the plan's columns, null for NULL
 */
export function encodeRow(plan: DocumentPlan, texts: readonly (string | null)[]): EncodeResult {
  const fields: string[] = [];
  const meter: Meter = { bytes: plan.emptyBytes, depth: 1 };
  const { columns } = plan;
  if (texts.length !== columns.length) {
    throw new Error(`A row of ${texts.length} values does not fit a plan of ${columns.length} columns`);
  }
  let largest = { name: "", bytes: 0 };
  for (let i = 0; i < columns.length; i++) {
    const { name, jsonKey, codec } = columns[i]!;
    const text = texts[i]!;
    const bytesBefore = meter.bytes;
    if (text === null) {
      fields.push(`${jsonKey}null`);
      meter.bytes += SIZE.null;
      continue;
    }
    try {
      fields.push(jsonKey + print(codec, text, meter));
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
  return { ok: true, json: `{${fields.join(",")}}`, bytes: meter.bytes };
}

/** The value as JSON in Convex's encoding. */
function print(codec: Codec, text: string, meter: Meter): string {
  const ready = codec.encodeAsText?.(text, meter);
  if (ready != null) return ready;
  const value = codec.encode(text, meter);
  return JSON.stringify(typeof value === "string" ? value : convexToJson(value));
}

/** The values of some fields of a document that `encodeRow` has printed. */
export function encodeFields(
  plan: DocumentPlan,
  texts: readonly (string | null)[],
  fields: ReadonlySet<string>,
): EncodedDocument {
  const document: EncodedDocument = {};
  plan.columns.forEach(({ field, codec }, place) => {
    if (!fields.has(field)) return;
    const text = texts[place]!;
    document[field] = text === null ? null : codec.encode(text, { bytes: 0, depth: 1 });
  });
  return document;
}

/** The document that `encodeRow` printed, as Convex reads it. */
export function readDocument(json: string): EncodedDocument {
  return jsonToConvex(JSON.parse(json) as JSONValue) as EncodedDocument;
}

/**
 * The text that Postgres prints for each of the plan's columns; for columns encoded as json, text of an equal jsonb.
 * A field that the document lacks is null: it was written before the column was mirrored.
 * @param document as Convex holds it, system fields or not
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
