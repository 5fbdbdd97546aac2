import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { createContext, Script } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  decodeArray,
  decodeComposite,
  decodeJson,
  decodeMultirange,
  decodeRange,
  toDate,
  toMicroseconds,
} from "../../../src/package/values.js";

// Against Postgres itself, over the samples of all types: tests/postgres/app-values.test.ts.

describe("times", () => {
  it.each([
    ["1970-01-01", 0n],
    ["1970-01-01T00:00:00.000001", 1n],
    ["1969-12-31T23:59:59.999999Z", -1n],
    ["2024-01-31T12:34:56.789012Z", 1_706_704_496_789_012n],
    ["2024-01-31 12:34:56.789012+00", 1_706_704_496_789_012n],
    ["2024-01-31 12:34:56.7", 1_706_704_496_700_000n],
    ["0000-12-31", -62_135_683_200_000_000n],
    ["0001-12-31 BC", -62_135_683_200_000_000n],
    ["-004712-01-01", -210_863_520_000_000_000n],
    ["+294276-12-31T23:59:59.999999Z", 9_224_318_015_999_999_999n],
    ["+5874897-12-31", 185_331_706_992_000_000_000n],
  ])("%s is %s microseconds", (text, expected) => {
    expect(toMicroseconds(text)).toBe(expected);
  });

  it("become a Date to the millisecond, and the earlier one, also before 1970", () => {
    expect(toDate("2024-01-31T12:34:56.789999Z").toISOString()).toBe("2024-01-31T12:34:56.789Z");
    expect(toDate("1969-12-31T23:59:59.999001Z").toISOString()).toBe("1969-12-31T23:59:59.999Z");
    expect(toDate("-000043-03-15T12:00:00.000000").toISOString()).toBe("-000043-03-15T12:00:00.000Z");
    expect(toDate("0099-03-01").toISOString()).toBe("0099-03-01T00:00:00.000Z");
  });

  it("without a time zone are UTC, wherever the reader is", () => {
    const before = process.env["TZ"];
    try {
      process.env["TZ"] = "Asia/Kolkata";
      expect(new Date("2024-01-31T12:00:00").toISOString()).toBe("2024-01-31T06:30:00.000Z");
      expect(toDate("2024-01-31T12:00:00.000000").toISOString()).toBe("2024-01-31T12:00:00.000Z");
    } finally {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    }
  });

  it.each(["infinity", "-infinity", "", "today", "2024-01-31T12:00:00+02", "12:34:56"])(
    "%j is none",
    (text) => {
      expect(() => toDate(text)).toThrow(RangeError);
      expect(() => toMicroseconds(text)).toThrow(RangeError);
    },
  );

  it("beyond those of a Date have their microseconds alone", () => {
    expect(() => toDate("+294276-12-31T23:59:59.999999Z")).toThrow(RangeError);
  });
});

describe("literals", () => {
  it("ranges", () => {
    expect(decodeRange("empty", Number)).toBe("empty");
    expect(decodeRange("[1,5)", Number)).toStrictEqual({
      lower: 1,
      upper: 5,
      lowerInclusive: true,
      upperInclusive: false,
    });
    expect(decodeRange("(,)")).toStrictEqual({
      lower: null,
      upper: null,
      lowerInclusive: false,
      upperInclusive: false,
    });
    expect(decodeRange('["2024-03-30 23:00:00+00","2024-03-31 01:00:00+00"]', toDate)).toStrictEqual({
      lower: new Date("2024-03-30T23:00:00Z"),
      upper: new Date("2024-03-31T01:00:00Z"),
      lowerInclusive: true,
      upperInclusive: true,
    });
    expect(decodeRange('("","a ""b"" \\\\,)"]')).toMatchObject({ lower: "", upper: 'a "b" \\,)' });
  });

  it("multiranges", () => {
    expect(decodeMultirange("{}")).toStrictEqual([]);
    expect(decodeMultirange('{[1,3),["5 }",)}')).toMatchObject([
      { lower: "1", upper: "3" },
      { lower: "5 }", upper: null },
    ]);
  });

  it("composites", () => {
    expect(decodeComposite('(1,"a ""b"", (c)\n",,"",-0)')).toStrictEqual([
      "1",
      'a "b", (c)\n',
      null,
      "",
      "-0",
    ]);
    expect(decodeComposite("()")).toStrictEqual([null]);
    expect(decodeComposite('("(1,""x y"")")').map((inner) => decodeComposite(inner!))).toStrictEqual([
      ["1", "x y"],
    ]);
  });

  it("arrays", () => {
    expect(decodeArray("[0:1]={5,NULL}")).toStrictEqual({ lowerBounds: [0], items: ["5", null] });
    expect(decodeArray("[-1:0][2:2]={{a},{b}}")).toStrictEqual({
      lowerBounds: [-1, 2],
      items: [["a"], ["b"]],
    });
    expect(decodeArray('{{"[1]"},{2}}')).toStrictEqual({ lowerBounds: [1, 1], items: [["[1]"], ["2"]] });
    expect(decodeArray("{}")).toStrictEqual({ lowerBounds: [], items: [] });
    expect(decodeArray("{(1,1),(0,0);NULL}", ";").items).toStrictEqual(["(1,1),(0,0)", null]);
  });

  it.each([
    "",
    "[1,2",
    "[1;2]",
    "1,2",
    "[1,2)x",
    "(1,2,3)",
    '["1,2)',
    "{[1,2),}",
    "{[1,2)",
    "{[1,2)}}",
    "{1",
  ])("%j is refused, not guessed at", (text) => {
    expect(() => decodeRange(text)).toThrow(SyntaxError);
    expect(() => decodeMultirange(text)).toThrow(SyntaxError);
  });
  it.each(["", "1", "(", "(1", "(1)2", '("1)', "{1}"])("%j is no composite", (text) => {
    expect(() => decodeComposite(text)).toThrow(SyntaxError);
  });
  it.each(["", "{", "{1", '{"1', "{1}}", "[0:1]", "[0:1]=1", "{1}x"])("%j is no array", (text) => {
    expect(() => decodeArray(text)).toThrow(SyntaxError);
  });
});

describe("json", () => {
  it("keeps the digits of long numbers unless it is told otherwise", () => {
    const mirrored = {
      "~gr%C3%B6%C3%9Fe": [{ "~number": "12345678901234567890" }, 1.5],
      _id: { "~~": null },
    };
    expect(decodeJson(mirrored)).toStrictEqual({
      größe: ["12345678901234567890", 1.5],
      _id: { "~": null },
    });
    expect(decodeJson(mirrored, BigInt)).toMatchObject({ größe: [12345678901234567890n, 1.5] });
    expect(decodeJson(mirrored, Number)).toMatchObject({ größe: [12345678901234567000, 1.5] });
  });
});

it("datahub-sync/values runs where there is nothing but JavaScript", async () => {
  const entry = fileURLToPath(new URL("../../../src/package/values.ts", import.meta.url));
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: "neutral",
    format: "iife",
    globalName: "values",
    logLevel: "silent",
  });
  expect(Object.keys(metafile.inputs).filter((path) => !path.startsWith("src/package/"))).toEqual([]);
  expect(outputFiles[0]!.text.length).toBeLessThan(10_000); // in a browser's bundle, before it is minified
  const context = createContext({}, { codeGeneration: { strings: false, wasm: false } });
  new Script(outputFiles[0]!.text).runInContext(context);
  const answer: unknown = new Script(`JSON.stringify([
    typeof Buffer, typeof process, typeof TextEncoder,
    values.decodeJson({ "~%C3%A9": { "~number": "1e400" } }),
    values.decodeRange("[1,2)", Number),
    values.decodeMultirange("{[1,2)}"),
    values.decodeComposite('("a b",)'),
    values.decodeArray("[0:0]={1}"),
    values.printJson({ "~$a": { "~number": "10" } }),
    values.toDate("2024-01-31"),
    String(values.toMicroseconds("2024-01-31")),
  ])`).runInContext(context);
  expect(JSON.parse(answer as string)).toEqual([
    "undefined",
    "undefined",
    "undefined",
    { é: "1e400" },
    { lower: 1, upper: 2, lowerInclusive: true, upperInclusive: false },
    [{ lower: "1", upper: "2", lowerInclusive: true, upperInclusive: false }],
    ["a b", null],
    { lowerBounds: [0], items: ["1"] },
    '{"$a": 10}',
    "2024-01-31T00:00:00.000Z",
    "1706659200000000",
  ]);
});
