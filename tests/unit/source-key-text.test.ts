import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareKeys, splitKey, splitKeys } from "../../src/source/key-text.js";

/** Strings that Postgres can hold: any but those with halves of surrogate pairs, of all planes. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      fc.constantFrom("", "\ue000", "\ud7ff", "\uffff", "😀", "\u{10ffff}", "a", ",", "\\"),
    ),
  })
  .filter((value) => Buffer.from(value).toString() === value);

/** As the SQL function `key_expression` joins the columns' texts. */
const join = (parts: string[]) =>
  parts.length === 1
    ? parts[0]!
    : parts.map((part) => part.replaceAll("\\", "\\\\").replaceAll(",", "\\,")).join(",");

describe("compareKeys", () => {
  test("orders as the bytes of UTF-8 do", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["", "a", -1],
    ["a", "a", 0],
    ["a", "B", 1],
    ["\ue000", "😀", -1], // JavaScript would say 1
    ["\ud7ff", "\ue000", -1],
    ["\uffff", "\u{10000}", -1],
    ["😀", "😁", -1],
    ["😀a", "😀", 1],
  ])("%j and %j: %i", (a, b, sign) => {
    expect(Math.sign(compareKeys(a, b))).toBe(sign);
    expect(Math.sign(compareKeys(b, a))).toBe(-sign + 0);
  });
});

describe("splitKey", () => {
  test("gives back what was joined", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (parts) => {
        expect(splitKey(join(parts), parts.length)).toEqual(parts);
      }),
    );
  });

  test("different keys never share a text", () => {
    fc.assert(
      fc.property(fc.tuple(text, text), fc.tuple(text, text), (a, b) => {
        if (a[0] === b[0] && a[1] === b[1]) return;
        expect(join(a)).not.toBe(join(b));
      }),
    );
  });

  test("refuses a key of another number of columns", () => {
    expect(() => splitKey("a,b", 3)).toThrow(RangeError);
    expect(() => splitKey("a,b,c", 2)).toThrow(/2 columns was expected; this one has 3/);
  });

  test("splitKeys turns keys into columns", () => {
    expect(splitKeys(["a,1", "b\\,c,2"], 2)).toEqual([
      ["a", "b,c"],
      ["1", "2"],
    ]);
    expect(splitKeys([], 2)).toEqual([[], []]);
  });
});
