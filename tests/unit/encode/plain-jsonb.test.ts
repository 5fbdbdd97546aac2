import { isDeepStrictEqual } from "node:util";
import { getConvexSize, type Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonbCodec } from "../../../src/encode/json-codec.js";
import { chargePlainJsonb } from "../../../src/encode/plain-jsonb.js";
import { CONVEX_LIMITS } from "../../../src/model/limits.js";
import { nastyJson } from "../../support/nasty-json.js";

/** Within a document, whose own level is the first. */
const startMeter = () => ({ bytes: 100, depth: 1 });

/** What the text is sent as when it is passed through; null when it is not, and then nothing may be charged. */
function passThrough(text: string): Value | null {
  const meter = startMeter();
  if (!chargePlainJsonb(text, meter)) {
    expect(meter).toEqual(startMeter());
    return null;
  }
  const value = JSON.parse(text) as Value;
  expect(meter).toEqual({ bytes: 100 + getConvexSize(value), depth: 1 });
  return value;
}

/** The slow way's value and meter. */
function convert(text: string): { value: Value; bytes: number } {
  const meter = startMeter();
  const value = jsonbCodec.encode(text, meter);
  return { value, bytes: meter.bytes };
}

const printed = (value: fc.Arbitrary<unknown>) => value.map((any) => printAsJsonb(any));

/** With a space behind each comma and colon, as jsonb prints. */
function printAsJsonb(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printAsJsonb).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${printAsJsonb(item)}`)
    .join(", ")}}`;
}

const ordinaryJson = printed(
  fc.jsonValue({ maxDepth: 5, noUnicodeString: true, depthSize: "small" }).map((value) => value as unknown),
);

describe("a jsonb that is sent as Postgres prints it", () => {
  it("is the value that the slow way makes, of the same size; what is not plain is left to that way", () => {
    let passed = 0;
    const texts = fc.oneof(nastyJson, ordinaryJson);
    fc.assert(
      fc.property(texts, (text) => {
        const value = passThrough(text);
        if (value === null) return;
        passed += 1;
        const slow = convert(text);
        // Not toStrictEqual, which takes a field named "constructor" for what made the object.
        expect([text, isDeepStrictEqual(value, slow.value)]).toEqual([text, true]);
        expect(100 + getConvexSize(value)).toBe(slow.bytes);
      }),
      { numRuns: 2_000 },
    );
    // Or the property would hold of nothing.
    expect(passed).toBeGreaterThan(200);
  });

  it.each([
    "{}",
    "[]",
    '""',
    "true",
    "-12.50",
    "0",
    "0.00",
    "999999999999999",
    '{"a": {"b": [1, null, {"c": false}], "_id": "x, {y}: [z]"}}',
    '[[], [[]], {"a": []}, "true", ":"]',
    '{"a": "é \x7f 😀", "b": "\\"\\\\", "c": ["\\\\\\"", "\\u0001\\n: "], "d": "\\\\"}',
  ])("%s is passed through", (text) => {
    expect(passThrough(text)).toStrictEqual(convert(text).value);
  });

  it.each([
    ["null as a whole", "null"],
    ["an empty key", '{"": 1}'],
    ["a key that Convex refuses", '{"$a": 1}'],
    ["a key that looks like an escape", '[{"~number": "1"}]'],
    ["a key that JavaScript drops", '{"a": 1, "__proto__": 1}'],
    ["a key that is too long", `{"${"k".repeat(1_025)}": 1}`],
    ["a key with an escape", '{"a\\"b": 1}'],
    ["a key that is not ASCII", '{"é": 1}'],
    ["a key with DEL", '{"a\x7f": 1}'],
    ["a lone surrogate", '["\ud800"]'],
    ["an escaped lone surrogate", '["\\ud800"]'],
    ["16 digits", "[1234567890123456]"],
    ["15 digits and a point", "[1.23456789012345]"],
    ["an exponent", "[1e5]"],
    ["a zero with a sign", "[-0]"],
    ["a zero with a sign and a fraction", "[-0.0]"],
  ])("%s is not", (_, text) => {
    expect(passThrough(text)).toBeNull();
  });

  it("keeps to the limits of a document, to the last level, field and item", () => {
    const { maxArrayItems, maxDocumentNesting, maxObjectFields } = CONVEX_LIMITS;
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const items = (count: number) => `{"a": [${Array(count).fill("1").join(", ")}]}`;
    const fields = (count: number) =>
      `[{${Array.from({ length: count }, (_, i) => `"k${i}": []`).join(", ")}}]`;
    for (const [most, make] of [
      [maxDocumentNesting - 1, nested],
      [maxArrayItems, items],
      [maxObjectFields, fields],
    ] as const) {
      expect(passThrough(make(most))).not.toBeNull();
      expect(passThrough(make(most + 1))).toBeNull();
      expect(() => convert(make(most + 1))).toThrow();
    }
  });
});
