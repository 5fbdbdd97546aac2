import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arrayLiteral } from "../../../src/postgres/array-literal.js";
import { quoteIdentifier, quoteRelation } from "../../../src/postgres/identifier.js";

describe("arrayLiteral", () => {
  test.each([
    [[], "{}"],
    [[""], '{""}'],
    [["a", "b"], '{"a","b"}'],
    [["NULL"], '{"NULL"}'],
    [['say "hi"', "back\\slash", "{,}", " "], String.raw`{"say \"hi\"","back\\slash","{,}"," "}`],
  ])("%j is %s", (values, literal) => {
    expect(arrayLiteral(values)).toBe(literal);
  });
});

describe("quoteIdentifier", () => {
  test.each([
    ["a", '"a"'],
    ["select", '"select"'],
    ["My Table", '"My Table"'],
    ['a"; DROP TABLE b; --', '"a""; DROP TABLE b; --"'],
    ['"', '""""'],
    ["é😀", '"é😀"'],
  ])("%j is %s", (name, quoted) => {
    expect(quoteIdentifier(name)).toBe(quoted);
  });

  test("no name gets out of its quotes", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).filter((name) => !name.includes("\0")),
        (name) => {
          const quoted = quoteIdentifier(name);
          expect(quoted.slice(1, -1).replaceAll('""', "")).not.toContain('"');
          expect(quoted.slice(1, -1).replaceAll('""', '"')).toBe(name);
        },
      ),
    );
  });

  test("refuses what Postgres cannot hold", () => {
    expect(() => quoteIdentifier("a\0b")).toThrow(RangeError);
  });

  test("a relation is quoted part by part", () => {
    expect(quoteRelation({ schema: "a.b", name: 'c"d' })).toBe('"a.b"."c""d"');
  });
});
