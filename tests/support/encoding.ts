import { convexToJson, getDocumentSize, jsonToConvex, type JSONValue, type Value } from "convex/values";
import { expect } from "vitest";
import { decodeDocument, encodeRow, readDocument } from "../../src/encode/encode-row.js";
import { planDocument } from "../../src/encode/plan-document.js";
import type { EncodedDocument, EncodingName, PgType, Refusal } from "../../src/model/encoding.js";

/** One column that holds `text`, encoded, sent over Convex's wire and decoded. */
export function passThroughConvex(
  type: PgType,
  text: string,
  encoding: EncodingName = "default",
): { value: Value; decoded: string | null } {
  const plan = planDocument([{ name: "c", field: "c", type, encoding }]);
  const result = encodeRow(plan, [text]);
  if (!result.ok) throw new Error(`refused: ${result.refusal.code} ${result.refusal.message}`);
  const document = readDocument(result.json);
  expect(result.bytes).toBe(getDocumentSize(document));
  const received = receive(document);
  expect(received).toEqual(document);
  return { value: document["c"]!, decoded: decodeDocument(plan, received)[0]! };
}

/** Why a column that holds `text` is set aside. */
export function refusalOf(type: PgType, text: string, encoding: EncodingName = "default"): Refusal {
  const plan = planDocument([{ name: "c", field: "c", type, encoding }]);
  const result = encodeRow(plan, [text]);
  if (result.ok) throw new Error("The row was encoded");
  return result.refusal;
}

/** What arrives of a document: encoded by the client, printed, parsed, and decoded by the server. */
export function receive(document: EncodedDocument): EncodedDocument {
  const wire = JSON.stringify(convexToJson(document));
  return jsonToConvex(JSON.parse(wire) as JSONValue) as EncodedDocument;
}
