import type { Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseArrayLiteral, printArrayLiteral, type ArrayTexts } from "../../../src/encode/array-literal.js";
import type { PgType } from "../../../src/model/encoding.js";
import { passThroughConvex, refusalOf } from "../../support/encoding.js";
import { arrayOf, domainOver, numericType, pgType } from "../../support/pg-type.js";

describe("arrays", () => {
  const box = pgType("box", { delimiter: ";", element: pgType("point") });
  it.each<[string, PgType, string, Value]>([
    ["integers", pgType("int4"), "{1,NULL,-3}", [1, null, -3]],
    ["none", pgType("int4"), "{}", []],
    ["bigints", pgType("int8"), "{9223372036854775807}", [9223372036854775807n]],
    ["two dimensions", pgType("int4"), "{{1,2},{3,NULL}}", [[1, 2], [3, null]]], // prettier-ignore
    ["six dimensions", pgType("int4"), "{{{{{{1}}}}}}", [[[[[[1]]]]]]],
    ["bounds", pgType("int4"), "[0:1]={1,2}", "[0:1]={1,2}"],
    ["bounds of two dimensions", pgType("text"), "[-1:-1][1:2]={{a,b}}", "[-1:-1][1:2]={{a,b}}"],
    [
      "texts",
      pgType("text"),
      '{"","null",NULL," a","a\\"b","a\\\\b","a,b","{}","a\\nb",\u00a0}'.replace("\\n", "\n"),
      ["", "null", null, " a", 'a"b', "a\\b", "a,b", "{}", "a\nb", "\u00a0"],
    ],
    ["booleans", pgType("bool"), "{t,f}", [true, false]],
    ["doubles", pgType("float8"), "{NaN,-0,1e+15}", [NaN, -0, 1e15]],
    ["numerics", numericType(5, 2), "{1.50,NaN}", [1.5, NaN]],
    [
      "timestamps",
      pgType("timestamp"),
      '{"2024-01-31 00:00:00",infinity}',
      ["2024-01-31T00:00:00.000000", "infinity"],
    ],
    ["bytes", pgType("bytea"), '{"\\\\x00ff"}', [Uint8Array.of(0, 255).buffer]],
    ["boxes, which have another delimiter", box, "{(1,1),(0,0);NULL}", ["(1,1),(0,0)", null]],
    ["domains", domainOver(pgType("int2")), "{7}", [7]],
    [
      "domains over arrays",
      domainOver(arrayOf(pgType("text"))),
      '{"{a,NULL}","[0:0]={b}","{{c},{d}}","{}",NULL}',
      [["a", null], "[0:0]={b}", [["c"], ["d"]], [], null],
    ],
    [
      "domains over arrays, in two dimensions",
      domainOver(arrayOf(pgType("text"))),
      '{{"{a}"},{"{b}"}}',
      '{{"{a}"},{"{b}"}}',
    ],
    [
      "composites",
      pgType("pair", { kind: "composite", schema: "public" }),
      '{"(1,\\"a b\\")"}',
      ['(1,"a b")'],
    ],
    ["jsonb", pgType("jsonb"), '{"[1, 2]","{\\"_a\\": null}"}', [[1, 2], { _a: null }]],
    ["jsonb of two dimensions", pgType("jsonb"), '{{"[1, 2]"},{3}}', '{{"[1, 2]"},{3}}'],
    ["json", pgType("json"), '{"[1,2]",NULL,"null"}', ["[1,2]", null, "null"]],
  ])("of %s", (_title, element, text, expected) => {
    const { value, decoded } = passThroughConvex(arrayOf(element), text);
    expect(value).toStrictEqual(expected);
    expect(decoded).toBe(text);
  });

  it("of more items than Convex takes are refused", () => {
    const of = (count: number) => `{${Array.from({ length: count }, () => "1").join(",")}}`;
    expect(passThroughConvex(arrayOf(pgType("int4")), of(8192)).decoded).toBe(of(8192));
    expect(refusalOf(arrayOf(pgType("int4")), of(8193))).toMatchObject({
      code: "TOO_MANY_ELEMENTS",
      column: "c",
    });
  });

  it("that are not printed as arrays are refused", () => {
    for (const text of ["{1", '{"1', "{"]) {
      expect(refusalOf(arrayOf(pgType("text")), text).code).toBe("UNSUPPORTED_VALUE");
    }
  });
});

describe("array literals", () => {
  const element = fc.oneof(
    fc.constantFrom("", "NULL", "null", "{", "}", '"', "\\", ",", ";", " ", "\t", "a\nb"),
    fc.string({ unit: "binary" }),
  );

  it("are printed so that they parse to the same", () => {
    const items = fc.letrec<{ array: ArrayTexts }>((tie) => ({
      array: fc.oneof(
        { maxDepth: 3 },
        fc.array(fc.option(element), { minLength: 1 }),
        fc.array(tie("array"), { minLength: 1, maxLength: 3 }),
      ),
    })).array;
    fc.assert(
      fc.property(items, fc.constantFrom(",", ";"), (items, delimiter) => {
        expect(parseArrayLiteral(printArrayLiteral(items, delimiter), delimiter)).toStrictEqual(items);
      }),
    );
  });
});
