import { jsonToConvex, type JSONValue, type Value } from "convex/values";
import { CallRefused } from "./errors.js";

/** How results are written: in Convex's invertible encoding, or as plain JSON that loses types. */
export type ValueFormat = "encoded" | "clean";

const FORMATS: Record<string, ValueFormat> = {
  convex_encoded_json: "encoded",
  convex_json: "encoded",
  json: "clean",
  convex_clean_json: "clean",
};

/** Without a format, Convex's npm client gets the encoding that it understands, and others plain JSON. */
export function readFormat(format: string | undefined, client: string | undefined): ValueFormat {
  if (format === undefined) return client?.startsWith("npm-") ? "encoded" : "clean";
  const known = FORMATS[format];
  if (known) return known;
  throw new CallRefused(400, "BadFormat", `format param must be one of [\`json\`]. Got ${format}`);
}

/** `value` is in Convex's JSON encoding. */
export const exportValue = (value: JSONValue, format: ValueFormat): JSONValue =>
  format === "encoded" ? value : clean(jsonToConvex(value));

function clean(value: Value | undefined): JSONValue {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value as Record<string, Value>);
    return Object.fromEntries(fields.map(([name, field]) => [name, clean(field)]));
  }
  return value as JSONValue;
}
