import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countValues, readValue, Unreadable } from "../../local/oracle/value-reading.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Whether the oracle takes a document's value for one of a jsonb. */
async function isEqual(text: string, value: unknown): Promise<boolean> {
  let read: string | null;
  try {
    read = readValue(value, "jsonb");
  } catch (error) {
    if (error instanceof Unreadable) return false;
    throw error;
  }
  const [row] = await database.sql<[{ equal: boolean }]>`
    SELECT ${read}::text::jsonb IS NOT DISTINCT FROM ${text}::text::jsonb AS equal`;
  return row.equal;
}

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
  ])("%s", async (_name, text, value, values) => {
    expect(await isEqual(text, value)).toBe(true);
    expect(countValues(value, "jsonb")).toBe(values);
  });
});

describe("a planted difference is found", () => {
  test.each<[string, string, unknown]>([
    ["another number", '{"a": {"b": 1}}', { a: { b: 2 } }],
    ["-0 for 0", "[0]", [-0]],
    ["a string for a number", '{"a": 1}', { a: "1" }],
    ["a number for a boolean", '{"a": true}', { a: 1 }],
    ["undefined for null", '{"a": null}', { a: undefined }],
    ["a missing key", '{"a": {"b": 1, "c": 2}}', { a: { b: 1 } }],
    ["an extra key", '{"a": {"b": 1}}', { a: { b: 1, c: 2 } }],
    ["a key without its escape", '{"$ref": 1}', { $ref: 1 }],
    ["an escape too much", '{"_a": 1}', { "~_a": 1 }],
    ["a shorter array", "[1, 2]", [1]],
    ["a longer array", "[1]", [1, 2]],
    ["items in another order", "[1, 2]", [2, 1]],
    ["an object for an array", "[1]", { 0: 1 }],
    ["an array for an object", '{"0": 1}', [1]],
    ["bytes for an object", "{}", new ArrayBuffer(1)],
    ["null for the whole value null", "null", null],
    ["SQL NULL's mark further in", '{"a": null}', { a: { "~null": true } }],
    ["a rounded number", "12345678901234567890", 12345678901234567000],
    ["another exact number", "12345678901234567890", { "~number": "12345678901234567891" }],
    ["an exact number without need", "1234567890123456", { "~number": "1234567890123456" }],
    ["an int64", '{"a": 1}', { a: 1n }],
  ])("%s", async (_name, text, value) => {
    expect(await isEqual(text, value)).toBe(false);
  });
});
