import { compareValues, jsonToConvex, type JSONValue, type Value } from "convex/values";

/** A validator as `exportArgs`, `exportReturns` and a schema's `export` write it. */
export type ValidatorJson =
  | { type: "null" | "number" | "bigint" | "boolean" | "string" | "bytes" | "any" | "commitTs" }
  | { type: "literal"; value: JSONValue }
  | { type: "id"; tableName: string }
  | { type: "array"; value: ValidatorJson }
  | { type: "object"; value: Record<string, FieldJson> }
  | { type: "record"; keys: ValidatorJson; values: FieldJson }
  | { type: "union"; value: ValidatorJson[] };

export interface FieldJson {
  fieldType: ValidatorJson;
  optional: boolean;
}

/** The number of a table, for ids; undefined when there is no such table. */
export type IdCheck = (id: string, tableName: string) => boolean;

/** Where and why a value does not fit, or null when it does. Never holds the value itself. */
export type Mismatch = { path: string; reason: string } | null;
export type Validator = (value: Value, path: string) => Mismatch;

/** Turns a validator into a function once, since it then runs for every document. */
export function compileValidator(json: ValidatorJson, isIdOf: IdCheck): Validator {
  const compile = (json: ValidatorJson): Validator => {
    switch (json.type) {
      case "any":
        return () => null;
      case "null":
        return scalar((value) => value === null, "v.null()");
      case "number":
        return scalar((value) => typeof value === "number", "v.number()");
      case "bigint":
      case "commitTs":
        return scalar((value) => typeof value === "bigint", "v.int64()");
      case "boolean":
        return scalar((value) => typeof value === "boolean", "v.boolean()");
      case "string":
        return scalar((value) => typeof value === "string", "v.string()");
      case "bytes":
        return scalar((value) => value instanceof ArrayBuffer, "v.bytes()");
      case "literal": {
        const literal = jsonToConvex(json.value);
        const expected = typeof literal === "bigint" ? `${literal}n` : JSON.stringify(literal);
        return scalar((value) => compareValues(value, literal) === 0, `v.literal(${expected})`);
      }
      case "id":
        return scalar(
          (value) => typeof value === "string" && isIdOf(value, json.tableName),
          `v.id(${JSON.stringify(json.tableName)})`,
        );
      case "array":
        return arrayOf(compile(json.value));
      case "object":
        return objectOf(
          Object.entries(json.value).map(([name, field]) => ({
            name,
            optional: field.optional,
            validate: compile(field.fieldType),
          })),
        );
      case "record":
        return recordOf(compile(json.keys), compile(json.values.fieldType));
      case "union":
        return unionOf(json.value.map(compile));
    }
  };
  return compile(json);
}

const scalar =
  (fits: (value: Value) => boolean, expected: string): Validator =>
  (value, path) =>
    fits(value) ? null : { path, reason: `Value does not match validator ${expected}` };

function arrayOf(validateItem: Validator): Validator {
  return (value, path) => {
    if (!Array.isArray(value)) return { path, reason: "Value does not match validator v.array(...)" };
    for (const [index, item] of value.entries()) {
      const mismatch = validateItem(item, `${path}[${index}]`);
      if (mismatch) return mismatch;
    }
    return null;
  };
}

function objectOf(fields: { name: string; optional: boolean; validate: Validator }[]): Validator {
  const known = new Set(fields.map((field) => field.name));
  return (value, path) => {
    if (!isObject(value)) return { path, reason: "Value does not match validator v.object(...)" };
    for (const { name, optional, validate } of fields) {
      const field = Object.hasOwn(value, name) ? value[name] : undefined;
      if (field === undefined) {
        if (!optional) return { path, reason: `Object is missing the required field \`${name}\`` };
        continue;
      }
      const mismatch = validate(field, `${path}.${name}`);
      if (mismatch) return mismatch;
    }
    for (const name of Object.keys(value)) {
      if (!known.has(name) && value[name] !== undefined) {
        return { path, reason: `Object contains extra field \`${name}\` that is not in the validator` };
      }
    }
    return null;
  };
}

function recordOf(validateKey: Validator, validateValue: Validator): Validator {
  return (value, path) => {
    if (!isObject(value)) return { path, reason: "Value does not match validator v.record(...)" };
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      const mismatch = validateKey(key, `${path}.${key}`) ?? validateValue(field, `${path}.${key}`);
      if (mismatch) return mismatch;
    }
    return null;
  };
}

function unionOf(members: Validator[]): Validator {
  return (value, path) => {
    let mismatch: Mismatch = null;
    for (const validate of members) {
      mismatch = validate(value, path);
      if (mismatch === null) return null;
    }
    // With a single member its own words tell more.
    return members.length === 1 ? mismatch : { path, reason: "Value does not match validator v.union(...)" };
  };
}

function isObject(value: Value): value is Record<string, Value> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer)
  );
}

export function describeMismatch(mismatch: NonNullable<Mismatch>): string {
  return mismatch.path === "" ? `${mismatch.reason}.` : `${mismatch.reason}.\nPath: ${mismatch.path}`;
}
