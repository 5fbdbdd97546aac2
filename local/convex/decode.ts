import { jsonToConvex, type JSONValue, type Value } from "convex/values";

/**
 * What `jsonToConvex` makes of a value in Convex's JSON encoding, but parts that hold nothing encoded (no int64, bytes
 * or special floats) are shared and not copied: that is nearly everything of nearly every document, and copies of it
 * were a third of what a large load cost. Neither the value nor the JSON may be changed afterwards.
 */
export function decodeValue(json: JSONValue): Value {
  if (typeof json !== "object" || json === null) return json;
  return Array.isArray(json) ? decodeArray(json) : decodeObject(json);
}

function decodeArray(items: JSONValue[]): Value {
  let copy: Value[] | null = null;
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    if (typeof item !== "object" || item === null) continue;
    const decoded = decodeValue(item);
    if (decoded !== item) (copy ??= [...(items as Value[])])[index] = decoded;
  }
  return copy ?? items;
}

function decodeObject(fields: { [key: string]: JSONValue }): Value {
  let copy: Record<string, Value> | null = null;
  for (const key of Object.keys(fields)) {
    // An encoded scalar, a key that Convex refuses, or one that its client drops: for jsonToConvex to decide.
    if (key.charCodeAt(0) === DOLLAR || key === "__proto__") return jsonToConvex(fields);
    const field = fields[key]!;
    if (typeof field !== "object" || field === null) continue;
    const decoded = decodeValue(field);
    if (decoded !== field) (copy ??= { ...(fields as Record<string, Value>) })[key] = decoded;
  }
  return copy ?? fields;
}

const DOLLAR = 0x24;
