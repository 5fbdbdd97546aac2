import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareKeys, fitsKey, showKey, splitKey, splitKeys } from "../../../src/source/key-text.js";
import type { KeyKind } from "../../../src/model/key-part.js";

/** Strings that Postgres can hold: any but those with halves of surrogate pairs, of all planes. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      fc.constantFrom(
        "",
        "\ue000",
        "\ud7ff",
        "\uffff",
        "😀",
        "\u{10ffff}",
        "a",
        ",",
        "\\",
        "\u0001",
        "\u0002",
      ),
    ),
  })
  .filter((value) => Buffer.from(value).toString() === value);

/** As the SQL function `key_expression` puts the texts of several columns together. */
const join = (parts: string[]) =>
  parts
    // eslint-disable-next-line no-control-regex -- the escape and the end mark
    .map((part) => `${part.replace(/[\u0001\u0002]/g, "\u0002$&")}\u0001`)
    .join("");

const texts = (columns: number): KeyKind[] => Array.from({ length: columns }, () => "text");

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
  test("gives back the texts that were put together", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 4 }), (parts) => {
        expect(splitKey(join(parts), texts(parts.length))).toEqual(parts);
      }),
    );
  });

  test("one text is its own key", () => {
    fc.assert(
      fc.property(text, (part) => {
        expect(splitKey(part, ["text"])).toEqual([part]);
      }),
    );
  });

  test("different keys never share a text, and sort as their columns do", () => {
    const pair = fc.tuple(text, text).filter((parts) => !parts.join().includes("\0")); // Postgres has no such text
    const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        const order = byBytes(a[0], b[0]) || byBytes(a[1], b[1]);
        expect(Math.sign(compareKeys(join(a), join(b)))).toBe(order);
      }),
      { numRuns: 2000 },
    );
  });

  test.each<[string, KeyKind[], string[]]>([
    ["a0", ["integer"], ["0"]],
    ["a5", ["integer"], ["5"]],
    ["b17", ["integer"], ["17"]],
    ["Z4", ["integer"], ["-5"]],
    ["Y82", ["integer"], ["-17"]],
    ["s9223372036854775807", ["integer"], ["9223372036854775807"]],
    ["H0776627963145224191", ["integer"], ["-9223372036854775808"]],
    ["a0", ["date"], ["1970-01-01"]],
    ["e19782", ["date"], ["2024-02-29"]],
    ["-", ["date"], ["-infinity"]],
    ["~", ["timestamptz"], ["infinity"]],
    ["a1", ["timestamp"], ["1970-01-01 00:00:00.000001"]],
    ["Z8", ["timestamptz"], ["1969-12-31 23:59:59.999999+00"]],
    ["00ff", ["bytea"], ["\\x00ff"]],
    ["", ["bytea"], ["\\x"]],
    ["eu\u0001b17", ["text", "integer"], ["eu", "17"]],
    ["b17eu\u0001", ["integer", "text"], ["17", "eu"]],
    ["a1Z8", ["integer", "integer"], ["1", "-1"]],
    ["~00\u0001-", ["date", "bytea", "timestamp"], ["infinity", "\\x00", "-infinity"]],
  ])("%j as %j", (key, kinds, parts) => {
    expect(splitKey(key, kinds)).toEqual(parts);
  });

  test.each<[string, KeyKind[]]>([
    ["a\u0001b\u0001", texts(3)],
    ["a\u0001b\u0001c\u0001", texts(2)],
    ["a\u0001b", texts(2)],
    ["a", texts(2)],
    ["a\u0002\u0001", texts(2)],
    ["17", ["integer"]],
    ["b1", ["integer"]],
    ["b1x", ["integer"]],
    ["b123", ["integer"]],
    ["", ["integer"]],
    ["~", ["integer"]],
    ["-", ["integer"]],
    ["a1", ["integer", "integer"]],
    ["2024-02-29", ["date"]],
  ])("refuses %j as %j: it was recorded when the key had other columns", (key, kinds) => {
    expect(() => splitKey(key, kinds)).toThrow(RangeError);
    expect(fitsKey(key, kinds)).toBe(false);
    expect(showKey(key, kinds)).toBe(key);
  });

  test("splitKeys turns keys into columns", () => {
    expect(splitKeys(["a\u0001a1", "b,c\u0001a2"], ["text", "integer"])).toEqual([
      ["a", "b,c"],
      ["1", "2"],
    ]);
    expect(splitKeys([], texts(2))).toEqual([[], []]);
  });
});

describe("showKey prints a key as SQL does", () => {
  test.each<[string, KeyKind[], string]>([
    ["b17", ["integer"], "17"],
    ["a,b", ["text"], "a,b"],
    ["eu\u0001b17", ["text", "integer"], "(eu,17)"],
    ["a,b\u0001\u0001", texts(2), '("a,b","")'],
    ['say "hi"\u0001c:\\dir\u0001', texts(2), '("say ""hi""","c:\\\\dir")'],
  ])("%j as %j: %s", (key, kinds, shown) => {
    expect(showKey(key, kinds)).toBe(shown);
  });
});
