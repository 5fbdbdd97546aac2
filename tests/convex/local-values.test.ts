import { getConvexSize, jsonToConvex, type JSONValue, type Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeValue } from "../../local/convex/decode.js";
import { measure } from "../../local/convex/value-limits.js";

/** Values in Convex's JSON encoding, encoded scalars and wrong ones among them. */
const { json } = fc.letrec<{ json: JSONValue }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ unit: "binary" }),
      fc.constantFrom<JSONValue>(
        { $integer: "KgAAAAAAAAA=" },
        { $bytes: "AAEC" },
        { $float: "AAAAAAAA+H8=" },
        { $integer: 1 },
        { $unknown: "" },
        { $integer: "KgAAAAAAAAA=", b: 1 },
      ),
    ),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("a", "_b", "__proto__")), tie("json"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
}));

function attempt<T>(work: () => T): { value: T } | "refused" {
  try {
    return { value: work() };
  } catch {
    return "refused";
  }
}

const isObjectOrArray = (value: unknown) => typeof value === "object" && value !== null;

describe("decoding", () => {
  test("gives what Convex's own decoder gives, and leaves the JSON as it is", () => {
    fc.assert(
      fc.property(json, (value) => {
        const before = JSON.stringify(value);
        expect(attempt(() => decodeValue(value))).toEqual(attempt(() => jsonToConvex(value)));
        expect(JSON.stringify(value)).toBe(before);
      }),
      { numRuns: 2_000 },
    );
  });

  test("copies only what leads to something encoded", () => {
    const encoded = { $integer: "KgAAAAAAAAA=" };
    const plain = { deep: [{ a: 1 }] };
    const value = { plain, list: [plain, encoded] };
    const decoded = decodeValue(value) as { plain: unknown; list: unknown[] };
    expect(decoded).toEqual({ plain, list: [plain, 42n] });
    expect(decoded.plain).toBe(plain);
    expect(decoded.list[0]).toBe(plain);
    expect(decodeValue(plain)).toBe(plain);
  });
});

test("a value is measured as Convex measures it", () => {
  const levelsOf = (value: Value | undefined): number => {
    if (!isObjectOrArray(value) || value instanceof ArrayBuffer) return 0;
    return 1 + Math.max(0, ...Object.values(value as Record<string, Value>).map(levelsOf));
  };
  let measured = 0;
  fc.assert(
    fc.property(json, (encoded) => {
      // The client's decoder turns this key into a prototype, and its measure then refuses some of those.
      fc.pre(!JSON.stringify(encoded).includes('"__proto__"'));
      const decoded = attempt(() => jsonToConvex(encoded));
      if (decoded === "refused") return;
      const result = attempt(() => measure(decoded.value, 1_024));
      if (result === "refused") return; // a key or a text that Convex refuses
      measured++;
      expect(result.value).toEqual({ bytes: getConvexSize(decoded.value), levels: levelsOf(decoded.value) });
    }),
    { numRuns: 2_000 },
  );
  expect(measured).toBeGreaterThan(500);
});
