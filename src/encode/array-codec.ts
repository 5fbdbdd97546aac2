import type { Value } from "convex/values";
import { parseArrayLiteral, printArrayLiteral, type ArrayTexts } from "./array-literal.js";
import type { Codec, Meter } from "./codec.js";
import { checkItemCount, enterContainer } from "./container-limits.js";
import { jsonbCodec } from "./json-codec.js";
import { textCodec } from "./scalar-codecs.js";
import { SIZE } from "./value-size.js";

/**
 * Arrays as arrays, with null for NULL; several dimensions nest. Two kinds stay the literal that Postgres prints, a
 * string: those with lower bounds other than 1 ("[0:1]={5,6}"), which a list does not express, and those of several
 * dimensions whose elements may be lists themselves (jsonb, domains over arrays): neither could be told from the other.
 */
export function arrayCodec(element: Codec, delimiter: string): Codec {
  const elementsMayBeArrays = element.mayBeArray === true;

  function encodeItems(items: ArrayTexts, meter: Meter): Value[] {
    enterContainer(meter);
    checkItemCount(items.length);
    const values = items.map((item) => {
      if (typeof item === "string") return element.encode(item, meter);
      if (item !== null) return encodeItems(item, meter);
      meter.bytes += SIZE.null;
      return null;
    });
    meter.depth--;
    return values;
  }

  function decodeItems(values: Value[]): ArrayTexts {
    return values.map((value) => {
      if (value === null) return null;
      return Array.isArray(value) && !elementsMayBeArrays ? decodeItems(value) : element.decode(value);
    });
  }

  return {
    validators: ["v.string()", `v.array(${validateItem(element)})`],
    mayBeArray: true,
    encode(text, meter) {
      const items = parseArrayLiteral(text, delimiter);
      if (items === null || (elementsMayBeArrays && items.some(Array.isArray))) {
        return textCodec.encode(text, meter);
      }
      return encodeItems(items, meter);
    },
    decode(value) {
      return Array.isArray(value)
        ? printArrayLiteral(decodeItems(value), delimiter)
        : textCodec.decode(value as string);
    },
  };
}

/** Convex has no recursive validators: inner dimensions are any. */
function validateItem(element: Codec): string {
  if (element === jsonbCodec) return "v.any()";
  return `v.union(v.null(), ${element.validators.join(", ")}, v.array(v.any()))`;
}
