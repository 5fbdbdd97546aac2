import type { Value } from "convex/values";
import {
  DROPPED_KEY,
  ENTRIES,
  escapeKey,
  EXACT_NUMBER,
  isPlainKey,
  JSON_NULL,
  MAX_KEY_LENGTH,
  printJson,
} from "../package/json.js";
import { Unencodable, type Codec, type Meter } from "./codec.js";
import { checkFieldCount, checkItemCount, enterContainer } from "./container-limits.js";
import { ExactNumber, parseJson, parseJsonb, type ExactJson } from "./exact-json.js";
import { chargePlainJsonb, isPlainText } from "./plain-jsonb.js";
import { chargeText, SIZE } from "./value-size.js";

/** jsonb as the Convex value that is equal to it; src/package/json.ts explains the escapes. */
export const jsonbCodec: Codec = {
  ...createCodec(parseJsonb),
  encodeAsText: (text, meter) => (chargePlainJsonb(text, meter) ? text : null),
};

/** json as jsonb would be: spaces, the order of the fields and repeated keys are lost. */
export const jsonCodec: Codec = createCodec(parseJson);

function createCodec(parse: (text: string) => ExactJson): Codec {
  return {
    validators: ["v.any()"],
    mayBeArray: true,
    encode(text, meter) {
      const parsed = parse(text);
      if (parsed === null) return wrap(JSON_NULL, true, meter);
      return convert(parsed, isPlainText(text), meter);
    },
    decode: printJson,
  };
}

/**
 * Makes a parsed value one that Convex takes, and charges the meter. Containers are changed in place, and rebuilt
 * only where a key has to be escaped.
 * @param ascii all strings and keys are printable ASCII, so their length is their size
 */
function convert(value: ExactJson, ascii: boolean, meter: Meter): Value {
  if (typeof value === "string") {
    if (ascii) meter.bytes += SIZE.string + value.length;
    else chargeText(value, meter);
    return value;
  }
  if (typeof value === "number") {
    meter.bytes += SIZE.number;
    return value;
  }
  if (value === null || typeof value === "boolean") {
    meter.bytes += value === null ? SIZE.null : SIZE.boolean;
    return value;
  }
  if (value instanceof ExactNumber) return wrap(EXACT_NUMBER, value.text, meter);
  return Array.isArray(value) ? convertArray(value, ascii, meter) : convertObject(value, ascii, meter);
}

function convertArray(items: ExactJson[], ascii: boolean, meter: Meter): Value[] {
  enterContainer(meter);
  checkItemCount(items.length);
  const converted = items as Value[];
  for (let i = 0; i < items.length; i++) converted[i] = convert(items[i]!, ascii, meter);
  meter.depth--;
  return converted;
}

function convertObject(fields: Record<string, ExactJson>, ascii: boolean, meter: Meter): Value {
  enterContainer(meter);
  const keys = Object.keys(fields);
  checkFieldCount(keys.length);
  const converted = keys.every(ascii ? isPlainAsciiKey : isPlainKey)
    ? convertFields(fields, keys, ascii, meter)
    : convertEscaped(fields, keys, ascii, meter);
  meter.depth--;
  return converted;
}

function convertFields(
  fields: Record<string, ExactJson>,
  keys: string[],
  ascii: boolean,
  meter: Meter,
): Record<string, Value> {
  const converted = fields as Record<string, Value>;
  let bytes = 0;
  for (const key of keys) {
    bytes += key.length + SIZE.key;
    const value = fields[key]!;
    // Most fields, without a call for each.
    if (ascii && typeof value === "string") bytes += SIZE.string + value.length;
    else if (typeof value === "number") bytes += SIZE.number;
    else converted[key] = convert(value, ascii, meter);
  }
  meter.bytes += bytes;
  return converted;
}

function convertEscaped(
  fields: Record<string, ExactJson>,
  keys: string[],
  ascii: boolean,
  meter: Meter,
): Record<string, Value> {
  const escapedKeys = keys.map(escapeValidKey);
  if (escapedKeys.some((key) => key.length > MAX_KEY_LENGTH)) {
    return convertToEntries(fields, keys, ascii, meter);
  }
  const converted: Record<string, Value> = {};
  for (const [i, key] of keys.entries()) {
    const escaped = escapedKeys[i]!;
    meter.bytes += escaped.length + SIZE.key;
    converted[escaped] = convert(fields[key]!, ascii, meter);
  }
  return converted;
}

/** Within the object that the caller has entered: a list of pairs, each a level of its own. */
function convertToEntries(
  fields: Record<string, ExactJson>,
  keys: string[],
  ascii: boolean,
  meter: Meter,
): Record<string, Value> {
  meter.bytes += ENTRIES.length + SIZE.key;
  const pairs = keys.map((key) => [key, fields[key]!]);
  return { [ENTRIES]: convertArray(pairs, ascii, meter) };
}

/** An object of one field, the form of the escapes for values. */
function wrap(key: string, value: string | true, meter: Meter): Value {
  enterContainer(meter);
  meter.bytes += key.length + SIZE.key + (value === true ? SIZE.boolean : SIZE.string + value.length);
  meter.depth--;
  return { [key]: value };
}

function escapeValidKey(key: string): string {
  try {
    return escapeKey(key);
  } catch {
    throw new Unencodable(
      "INVALID_UNICODE",
      "one of its keys holds a lone surrogate, which is not valid Unicode",
    );
  }
}

/** `isPlainKey` for a key that is printable ASCII: 9 million keys in 60,000 wide rows are worth the shorter way. */
function isPlainAsciiKey(key: string): boolean {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) return false;
  const first = key[0];
  return first !== "$" && first !== "~" && key !== DROPPED_KEY;
}
