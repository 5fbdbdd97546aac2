import type { JSONValue } from "convex/values";
import fc from "fast-check";
import type { FieldJson, ValidatorJson } from "../../local/convex/validators.js";

/** Values that arguments are drawn from, beside random ones: what means something to the function. */
export interface KnownValues {
  strings: readonly string[];
  integers: readonly bigint[];
}

const int64 = (value: bigint): JSONValue => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt.asIntN(64, value));
  return { $integer: bytes.toString("base64") };
};

/** Any value of Convex in its JSON encoding, and some that only look like one. */
export const anyValue: fc.Arbitrary<JSONValue> = fc.letrec<{ value: JSONValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: "grapheme" }),
    fc.bigInt().map(int64),
    fc.uint8Array().map((bytes) => ({ $bytes: Buffer.from(bytes).toString("base64") })),
    fc.constantFrom("$float", "$set", "$undefined").map((kind) => ({ [kind]: "AAAAAAAA8H8=" })),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** Arguments that the validator accepts, made from it: a new function needs no list of its own. */
export function argumentsOf(validator: ValidatorJson, known: KnownValues): fc.Arbitrary<JSONValue> {
  const field = ({ fieldType, optional }: FieldJson): fc.Arbitrary<JSONValue | undefined> =>
    optional ? fc.option(of(fieldType), { nil: undefined }) : of(fieldType);
  const of = (json: ValidatorJson): fc.Arbitrary<JSONValue> => {
    switch (json.type) {
      case "null":
        return fc.constant(null);
      case "number":
        return fc.oneof(
          fc.integer({ min: -1, max: 70 }),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
        );
      case "bigint":
        return fc
          .oneof(fc.constantFrom(...known.integers), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
          .map(int64);
      case "boolean":
        return fc.boolean();
      case "string":
        return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known.strings) }, fc.string());
      case "literal":
        return fc.constant(json.value);
      case "array":
        return fc.array(of(json.value), { maxLength: 5 });
      case "union":
        return fc.oneof(...json.value.map(of));
      case "object":
        return fc
          .record(Object.fromEntries(Object.entries(json.value).map(([name, each]) => [name, field(each)])))
          .map((object) => JSON.parse(JSON.stringify(object)) as JSONValue);
      case "record":
        return fc.dictionary(fc.constantFrom("id", "status", "comments", "no_such_field"), anyValue, {
          maxKeys: 3,
          noNullPrototype: true,
        });
      default:
        return anyValue;
    }
  };
  return of(validator);
}
