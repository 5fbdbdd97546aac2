import type { JSONValue, Value } from "convex/values";
import { compileValidator, type IdCheck, type ValidatorJson } from "../validators.js";

const INTEGER = /^-?\d+$/;
const NUMBERS_AS_TEXT = new Set(["NaN", "Infinity", "-Infinity"]);

/**
 * A value of plain JSON, which has lost its type, as the schema wants it: texts that stand for an int64, bytes or a
 * number that JSON has not. Whatever fits nothing is left as it is, for the validator to name.
 */
export function typedValue(plain: JSONValue, type: ValidatorJson | null, isIdOf: IdCheck): Value {
  switch (type?.type) {
    case "bigint":
      return typeof plain === "string" && INTEGER.test(plain) ? BigInt(plain) : plain;
    case "number":
      return typeof plain === "string" && NUMBERS_AS_TEXT.has(plain) ? Number(plain) : plain;
    case "bytes":
      return typeof plain === "string" ? bytesOf(plain) : plain;
    case "array":
      return Array.isArray(plain) ? plain.map((item) => typedValue(item, type.value, isIdOf)) : plain;
    case "object":
      return typedFields(plain, (name) => type.value[name]?.fieldType ?? null, isIdOf);
    case "record":
      return typedFields(plain, () => type.values.fieldType, isIdOf);
    case "union": {
      for (const member of type.value) {
        const value = typedValue(plain, member, isIdOf);
        if (compileValidator(member, isIdOf)(value, "") === null) return value;
      }
      return plain;
    }
    default:
      return plain;
  }
}

function typedFields(
  plain: JSONValue,
  typeOf: (name: string) => ValidatorJson | null,
  isIdOf: IdCheck,
): Value {
  if (typeof plain !== "object" || plain === null || Array.isArray(plain)) return plain;
  const fields = Object.entries<JSONValue | undefined>(plain);
  return Object.fromEntries(fields.map(([name, field]) => [name, typedValue(field!, typeOf(name), isIdOf)]));
}

function bytesOf(base64: string): ArrayBuffer {
  const bytes = Buffer.from(base64, "base64");
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
