import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { decodeJson, escapeKey, isPlainKey, MAX_KEY_LENGTH, unescapeKey } from "../../../src/package/json.js";
import { survivesAsDouble } from "../../../src/encode/exact-json.js";
import { CONVEX_LIMITS } from "../../../src/model/limits.js";
import { passThroughConvex, refusalOf } from "../../support/encoding.js";
import { nastyJson, nastyKey, printPlainDigits } from "../../support/nasty-json.js";
import { arrayOf, pgType } from "../../support/pg-type.js";

const jsonb = pgType("jsonb");

describe("keys of a jsonb", () => {
  it.each([
    ["1map_nad_id", "1map_nad_id"],
    ["a b-c.d/e", "a b-c.d/e"],
    ["_source", "_source"],
    ["$set", "~$set"],
    ["", "~"],
    ["~", "~~"],
    ["~number", "~~number"],
    ["__proto__", "~__proto__"],
    ["constructor", "constructor"],
    ["größe", "~gr%C3%B6%C3%9Fe"],
    ["50 %", "50 %"],
    ["50 % ä", "~50 %25 %C3%A4"],
    ["\u0001\u007f", "~%01%7F"],
    ["😀", "~%F0%9F%98%80"],
  ])("%j is %j in Convex", (key, escaped) => {
    expect(escapeKey(key)).toBe(escaped);
    expect(unescapeKey(escaped)).toBe(key);
    const text = `{${JSON.stringify(key)}: 1}`;
    const { value, decoded } = passThroughConvex(jsonb, text);
    expect(Object.entries(value as object)).toStrictEqual([[escaped, 1]]);
    expect(decoded).toBe(text);
  });

  it("escape to what Convex takes, and no two to the same", () => {
    const key = fc.oneof(nastyKey, fc.string({ unit: "binary", maxLength: 20 }));
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(escapeKey(a)).toMatch(/^[ -#%-~][ -~]*$/);
        expect(escapeKey(a)).not.toBe("__proto__");
        expect(unescapeKey(escapeKey(a))).toBe(a);
        expect(escapeKey(a) === escapeKey(b)).toBe(a === b);
        expect(isPlainKey(a)).toBe(escapeKey(a) === a);
      }),
    );
  });

  it("have the length that Convex takes", () => {
    expect(MAX_KEY_LENGTH).toBe(CONVEX_LIMITS.maxKeyLength);
  });

  it("that are too long make their object a list of entries", () => {
    const longest = "k".repeat(1024);
    expect(passThroughConvex(jsonb, `{"${longest}": 1}`).value).toStrictEqual({ [longest]: 1 });

    for (const key of [`${longest}k`, "é".repeat(400)]) {
      const text = `{"_a": {"b": 1e0}, "${key}": [null]}`;
      const { value, decoded } = passThroughConvex(jsonb, text);
      expect(value).toStrictEqual({
        "~entries": [
          ["_a", { b: 1 }],
          [key, [null]],
        ],
      });
      expect(decoded).toBe(text.replace("1e0", "1"));
    }
  });
});

describe("numbers of a jsonb", () => {
  it.each([
    "0",
    "-1.5",
    "1.0",
    "1.500",
    "123456789012345",
    "0.1",
    "1000000000000000000000",
    "9007199254740992",
  ])("%s is a number", (text) => {
    const { value, decoded } = passThroughConvex(jsonb, `[${text}]`);
    expect(value).toStrictEqual([Number(text)]);
    expect(Number(JSON.parse(decoded!))).toBe(Number(text));
  });

  it.each([
    "12345678901234567890",
    "-9007199254740993",
    "0.1000000000000000055",
    "1".repeat(400),
    `0.${"0".repeat(400)}1`,
    "123456789012345.6789",
  ])("%s is not", (text) => {
    for (const container of [`{"a": ${text}}`, `[1, ${text}]`, `${text}`]) {
      expect(passThroughConvex(jsonb, container).decoded).toBe(container);
    }
    expect(passThroughConvex(jsonb, text).value).toStrictEqual({ "~number": text });
  });

  it("may stand anywhere in the text, whatever stands around", () => {
    for (let offset = 0; offset < 40; offset++) {
      const text = `{"${"a".repeat(offset)}b": "-1234567890123456789, 1.2.3.4.5.6.7.8.9", "c": [-12345678901234567.8, 1]}`;
      expect(passThroughConvex(jsonb, text).decoded).toBe(text);
    }
  });

  it("survive as doubles exactly when they print as an equal number", () => {
    expect(survivesAsDouble("1e2")).toBe(true);
    expect(survivesAsDouble("-0.0")).toBe(true);
    expect(survivesAsDouble("1e400")).toBe(false);
    expect(survivesAsDouble("1e-400")).toBe(false);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => survivesAsDouble(String(n))),
    );
    fc.assert(
      fc.property(fc.bigInt(), (n) => {
        expect(survivesAsDouble(String(n))).toBe(BigInt(printPlainDigits(Number(n))) === n);
      }),
    );
  });
});

describe("null", () => {
  it("of JSON is told from SQL NULL, which is null", () => {
    expect(passThroughConvex(jsonb, "null")).toStrictEqual({ value: { "~null": true }, decoded: "null" });
    expect(passThroughConvex(jsonb, "[null]").value).toStrictEqual([null]);
    const text = '{NULL,"null"}';
    expect(passThroughConvex(arrayOf(jsonb), text)).toStrictEqual({
      value: [null, { "~null": true }],
      decoded: text,
    });
  });
});

describe("what no document can hold is refused", () => {
  it.each([
    ["TOO_DEEP", "[".repeat(16) + "]".repeat(16)],
    ["TOO_DEEP", `${"[".repeat(15)}12345678901234567890${"]".repeat(15)}`],
    ["TOO_DEEP", `[12345678901234567890, ${"[".repeat(100_000)}${"]".repeat(100_000)}]`],
    ["TOO_DEEP", "[".repeat(100_000) + "]".repeat(100_000)],
    ["TOO_MANY_FIELDS", `{${Array.from({ length: 1025 }, (_, i) => `"k${i}": 1`).join(", ")}}`],
    ["TOO_MANY_ELEMENTS", `[${Array.from({ length: 8193 }, () => 0).join(", ")}]`],
    ["INVALID_UNICODE", '["\\ud800"]'],
    ["INVALID_UNICODE", '{"\\udfff": 1}'],
    ["INVALID_UNICODE", '{"_": "\\ud83d"}'],
  ])("%s", (code, text) => {
    const refusal = refusalOf(pgType("json"), text, "json");
    expect(refusal).toMatchObject({ code, column: "c" });
    expect(refusal.message).toMatch(/^Column "c" cannot be mirrored: [^"]*\.$/);
  });

  it("and what it can just hold is not", () => {
    for (const text of [
      "[".repeat(15) + "]".repeat(15),
      `${"[".repeat(14)}12345678901234567890${"]".repeat(14)}`,
      `{${Array.from({ length: 1024 }, (_, i) => `"k${1000 + i}": 1`).join(", ")}}`,
      `[${Array.from({ length: 8192 }, () => 0).join(", ")}]`,
    ]) {
      expect(passThroughConvex(jsonb, text).decoded).toBe(text);
    }
  });
});

describe("any JSON", () => {
  it("comes back as equal jsonb over Convex's wire", () => {
    fc.assert(
      fc.property(nastyJson, (text) => {
        const { value, decoded } = passThroughConvex(jsonb, text);
        expect(normalize(decoded!)).toStrictEqual(normalize(text));
        expect(passThroughConvex(pgType("json"), text, "json").value).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it("is read by an app as JSON.parse reads the source's text", () => {
    fc.assert(
      fc.property(nastyJson, (text) => {
        const { value } = passThroughConvex(jsonb, text);
        // A comparison of Node's, since Vitest's does not see an own `__proto__`.
        expect(isDeepStrictEqual(decodeJson(value, Number), JSON.parse(text))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("can be read by an app with its own keys and numbers of its choice", () => {
    const text = '{"_source": "x", "~number": 1, "__proto__": {"big": 12345678901234567890}, "none": null}';
    const { value } = passThroughConvex(jsonb, text);
    const read = decodeJson(value, BigInt);
    expect(Object.entries(read as object)).toStrictEqual([
      // Convex sorts fields, as its client does: `~~number` and `~__proto__` come last.
      ["_source", "x"],
      ["none", null],
      ["__proto__", { big: 12345678901234567890n }],
      ["~number", 1],
    ]);
    expect(decodeJson({ "~null": true })).toBeNull();
    expect(decodeJson(undefined)).toBeNull();
    expect(decodeJson({ "~entries": [["~x", [{ "~number": "1.50" }]]] })).toStrictEqual({ "~x": ["1.50"] });
    expect(decodeJson([null, { "~null": true }, { "~number": "1e400" }], Number)).toStrictEqual([
      null,
      null,
      Infinity,
    ]);
  });

  it("keeps the last of repeated keys, as jsonb does", () => {
    const json = pgType("json");
    expect(passThroughConvex(json, '{"a":1,"a":2}', "json").value).toStrictEqual({ a: 2 });
    expect(passThroughConvex(json, '{"a":12345678901234567890,"a":2}', "json").value).toStrictEqual({ a: 2 });
  });
});

/** Strings and keys marked with an s (none is `__proto__` then), numbers as texts that are equal when they are. */
function normalize(json: string): unknown {
  const marked = json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? `"s${token.slice(1)}` : `"n${normalizeNumber(token)}"`,
  );
  return JSON.parse(marked);
}

function normalizeNumber(text: string): string {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e(.+))?$/i.exec(text)!;
  let units = BigInt(`${sign}${whole}${fraction}`);
  let power = Number(exponent) - fraction.length;
  while (units !== 0n && units % 10n === 0n) {
    units /= 10n;
    power++;
  }
  return units === 0n ? "0" : `${units}e${power}`;
}
