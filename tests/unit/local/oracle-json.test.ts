import { describe, expect, test } from "vitest";
import { isSameDecimal } from "../../../local/oracle/decimal.js";
import { compareJson } from "../../../local/oracle/json.js";

const equal = (values: number) => ({ values, difference: null });
const differs = (difference: string) => expect.objectContaining({ difference }) as unknown;

describe("a document's value is equal to a jsonb", () => {
  test.each<[string, string, unknown, number]>([
    [
      "scalars and containers",
      '{"a": [1, -0.5, true, null, "x"], "b": {}}',
      { b: {}, a: [1, -0.5, true, null, "x"] },
      5,
    ],
    ["a bare string", '"text"', "text", 1],
    ["an underscore in front stays", '{"_source": "sheet"}', { _source: "sheet" }, 1],
    ["the empty key", '{"": 1}', { "~": 1 }, 1],
    ["a dollar sign in front", '{"$ref": 1}', { "~$ref": 1 }, 1],
    ["a tilde in front", '{"~": 1, "~~": 2}', { "~~": 1, "~~~": 2 }, 2],
    ["no ASCII", '{"größe €": 1}', { "~gr%C3%B6%C3%9Fe %E2%82%AC": 1 }, 1],
    ["a control character", '{"a\\tb": 1}', { "~a%09b": 1 }, 1],
    ["percent stays where nothing is escaped", '{"50%": 1}', { "50%": 1 }, 1],
    ["percent is escaped where something is", '{"50% ü": 1}', { "~50%25 %C3%BC": 1 }, 1],
    ["__proto__, which a client would drop", '{"__proto__": {"a": 1}}', { "~__proto__": { a: 1 } }, 1],
    ["null as the whole value", "null", { "~null": true }, 1],
    ["null further in", '{"a": null}', { a: null }, 1],
    ["digits beyond a double", "12345678901234567890", { "~number": "12345678901234567890" }, 1],
    [
      "more decimals than a double has",
      "[0.1234567890123456789]",
      [{ "~number": "0.1234567890123456789" }],
      1,
    ],
    ["many digits that a double gives back", '{"a": 1234567890123456}', { a: 1234567890123456 }, 1],
    ["zeros at the end", '{"a": 0.50000000000000000000}', { a: 0.5 }, 1],
    ["long digits in a string", '{"a": "12345678901234567890"}', { a: "12345678901234567890" }, 1],
    [
      "quotes and backslashes beside a long number",
      '{"a\\"": "\\\\", "b": 1234567890123456}',
      { 'a"': "\\", b: 1234567890123456 },
      2,
    ],
  ])("%s", (_name, text, value, values) => {
    expect(compareJson(text, value)).toEqual(equal(values));
  });
});

describe("a planted difference is found", () => {
  test.each<[string, string, unknown, string]>([
    ["another number", '{"a": {"b": 1}}', { a: { b: 2 } }, "another number at .a.b"],
    ["-0 for 0", "[0]", [-0], "another number at [0]"],
    ["a string for a number", '{"a": 1}', { a: "1" }, "string instead of number at .a"],
    ["a number for a boolean", '{"a": true}', { a: 1 }, "number instead of boolean at .a"],
    ["undefined for null", '{"a": null}', { a: undefined }, "nothing instead of null at .a"],
    ["a missing key", '{"a": {"b": 1, "c": 2}}', { a: { b: 1 } }, "a key is missing at .a"],
    ["an extra key", '{"a": {"b": 1}}', { a: { b: 1, c: 2 } }, "extra keys at .a"],
    ["a key without its escape", '{"$ref": 1}', { $ref: 1 }, "a key is missing at the top"],
    ["an escape too much", '{"_a": 1}', { "~_a": 1 }, "a key is missing at the top"],
    ["a shorter array", "[1, 2]", [1], "not an array of 2 at the top"],
    ["a longer array", "[1]", [1, 2], "not an array of 1 at the top"],
    ["items in another order", "[1, 2]", [2, 1], "another number at [0]"],
    ["an object for an array", "[1]", { 0: 1 }, "not an array of 1 at the top"],
    ["an array for an object", '{"0": 1}', [1], "no object at the top"],
    ["bytes for an object", "{}", new ArrayBuffer(1), "no object at the top"],
    ["null for the whole value null", "null", null, 'not {"~null": true}'],
    ["SQL NULL's mark further in", '{"a": null}', { a: { "~null": true } }, "object instead of null at .a"],
    ["a rounded number", "12345678901234567890", 12345678901234567000, "another number at the top"],
    [
      "another exact number",
      "12345678901234567890",
      { "~number": "12345678901234567891" },
      "another number at the top",
    ],
    [
      "an exact number without need",
      "1234567890123456",
      { "~number": "1234567890123456" },
      "another number at the top",
    ],
    ["an int64", '{"a": 1}', { a: 1n }, "bigint instead of number at .a"],
  ])("%s", (_name, text, value, difference) => {
    expect(compareJson(text, value)).toEqual(differs(difference));
  });

  test("the difference names the place and not the value", () => {
    expect(JSON.stringify(compareJson('{"name": "secret"}', { name: "hidden" }))).not.toMatch(
      /secret|hidden/,
    );
  });
});

test("equal decimals are told from unequal ones, digit by digit", () => {
  expect(isSameDecimal("1.50", "1.5")).toBe(true);
  expect(isSameDecimal("1e+21", "1000000000000000000000")).toBe(true);
  expect(isSameDecimal("1e-7", "0.0000001")).toBe(true);
  expect(isSameDecimal("-0.50", "-0.5")).toBe(true);
  expect(isSameDecimal("1.5", "15")).toBe(false);
  expect(isSameDecimal("0.5", "-0.5")).toBe(false);
  expect(isSameDecimal("Infinity", "Infinity")).toBe(false);
});
