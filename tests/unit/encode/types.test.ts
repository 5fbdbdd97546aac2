import type { Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PgType } from "../../../src/model/encoding.js";
import { passThroughConvex, refusalOf } from "../../support/encoding.js";
import { arrayOf, domainOver, numericType, pgType } from "../../support/pg-type.js";

const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => byte);
const HUNDRED_DIGITS = "1234567890".repeat(10);

function bytes(...values: number[]): ArrayBuffer {
  return Uint8Array.from(values).buffer;
}

describe("the type table", () => {
  const cases: [PgType, [text: string, value: Value][]][] = [
    [
      pgType("int2"),
      [
        ["-32768", -32768],
        ["32767", 32767],
        ["0", 0],
      ],
    ],
    [
      pgType("int4"),
      [
        ["-2147483648", -2147483648],
        ["2147483647", 2147483647],
      ],
    ],
    [pgType("oid"), [["4294967295", 4294967295]]],
    [
      pgType("int8"),
      [
        ["-9223372036854775808", -(2n ** 63n)],
        ["9223372036854775807", 2n ** 63n - 1n],
        ["9007199254740993", 9007199254740993n],
        ["0", 0n],
      ],
    ],
    [
      pgType("float8"),
      [
        ["NaN", NaN],
        ["Infinity", Infinity],
        ["-Infinity", -Infinity],
        ["-0", -0],
        ["0", 0],
        ["0.1", 0.1],
        ["-1.5", -1.5],
        ["0.0001", 0.0001],
        ["1e-05", 0.00001],
        ["100000000000000", 1e14],
        ["1e+15", 1e15],
        ["1.2345678901234568e+17", 123456789012345680],
        ["5e-324", 5e-324],
        ["2.2250738585072014e-308", 2.2250738585072014e-308],
        ["1.7976931348623157e+308", 1.7976931348623157e308],
        ["9.896337664021041e+17", 989633766402104064],
        ["5.684341886080802e-14", 2 ** -44],
        ["0.30000000000000004", 0.30000000000000004],
      ],
    ],
    [
      pgType("float4"),
      [
        ["0.1", 0.1],
        ["-0", -0],
        ["NaN", NaN],
        ["-Infinity", -Infinity],
        ["123456", 123456],
        ["1e+06", 1e6],
        ["1.234567e+06", 1234567],
        ["3.4028235e+38", 3.4028235e38],
        ["1e-45", 1e-45],
      ],
    ],
    [
      numericType(10, 8),
      [
        ["1.50000000", 1.5],
        ["-26.37512345", -26.37512345],
        ["0.00000000", 0],
        ["-0.00000001", -1e-8],
        ["99.99999999", 99.99999999],
        ["NaN", NaN],
      ],
    ],
    [
      numericType(15, 0),
      [
        ["999999999999999", 999999999999999],
        ["-7", -7],
      ],
    ],
    [numericType(15, 10), [["12345.1234567890", 12345.123456789]]],
    [numericType(3, 5), [["0.00999", 0.00999]]],
    [numericType(2, -3), [["99000", 99000]]],
    [numericType(16, 2), [["12345678901234.56", "12345678901234.56"]]],
    [
      pgType("numeric"),
      [HUNDRED_DIGITS, "1.0", "1.00", "NaN", "Infinity", "-Infinity"].map((text) => [text, text]),
    ],
    [
      pgType("bool"),
      [
        ["t", true],
        ["f", false],
      ],
    ],
    [
      pgType("date"),
      [
        ["2024-02-29", "2024-02-29"],
        ["infinity", "infinity"],
        ["-infinity", "-infinity"],
        ["0001-01-01", "0001-01-01"],
        ["0001-12-31 BC", "0000-12-31"],
        ["0044-03-15 BC", "-000043-03-15"],
        ["4713-01-01 BC", "-004712-01-01"],
        ["10000-01-01", "+010000-01-01"],
        ["5874897-12-31", "+5874897-12-31"],
      ],
    ],
    [
      pgType("timestamp"),
      [
        ["2024-03-31 01:59:59.999999", "2024-03-31T01:59:59.999999"],
        ["2024-03-31 02:00:00", "2024-03-31T02:00:00.000000"],
        ["2024-10-27 02:30:00.5", "2024-10-27T02:30:00.500000"],
        ["2024-10-27 02:30:00.000001", "2024-10-27T02:30:00.000001"],
        ["infinity", "infinity"],
        ["-infinity", "-infinity"],
        ["4713-11-24 00:00:00 BC", "-004712-11-24T00:00:00.000000"],
        ["294276-12-31 23:59:59.999999", "+294276-12-31T23:59:59.999999"],
      ],
    ],
    [
      pgType("timestamptz"),
      [
        ["2024-03-31 01:00:00+00", "2024-03-31T01:00:00.000000Z"],
        ["2024-03-31 00:59:59.99999+00", "2024-03-31T00:59:59.999990Z"],
        ["0044-03-15 12:00:00.25+00 BC", "-000043-03-15T12:00:00.250000Z"],
        ["infinity", "infinity"],
      ],
    ],
    [
      pgType("bytea"),
      [
        ["\\x", bytes()],
        ["\\x00ff", bytes(0, 255)],
        [`\\x${Buffer.from(EVERY_BYTE).toString("hex")}`, bytes(...EVERY_BYTE)],
      ],
    ],
    [
      pgType("json"),
      ['{"a":1,  "a":2}', '"\\u0000"', '"\\ud800"', "null", " 1.0 "].map((text) => [text, text]),
    ],
    [pgType("jsonb"), [['{"a": [1, null]}', { a: [1, null] }]]],
    [domainOver(pgType("int8")), [["5", 5n]]],
    [domainOver(domainOver(numericType(4, 2))), [["1.10", 1.1]]],
    [domainOver(arrayOf(pgType("int4"))), [["{1}", [1]]]],
    ...(
      [
        ["text", ["", "naïve 😀 \u0001\u007f\ufffd"]],
        ["varchar", ["trailing "]],
        ["bpchar", ["ab   "]],
        ["char", ["\\377"]],
        ["name", ["a_name"]],
        ["uuid", ["3f2504e0-4f89-11d3-9a0c-0305e82c3301"]],
        ["time", ["24:00:00", "12:00:00.000001"]],
        ["timetz", ["12:00:00+05:30"]],
        ["interval", ["-1 years +2 mons -3 days +04:05:06.789"]],
        ["money", ["-$1,234.56"]],
        ["inet", ["10.0.0.1", "::1/64"]],
        ["cidr", ["10.0.0.0/8"]],
        ["macaddr", ["08:00:2b:01:02:03"]],
        ["bit", ["0101"]],
        ["varbit", [""]],
        ["xml", ["<a>&amp;</a>"]],
        ["tsvector", ["'a':1A 'it''s':2"]],
        ["point", ["(1,-0)"]],
        ["box", ["(1,1),(0,0)"]],
        ["pg_lsn", ["16/B374D848"]],
        ["xid8", ["18446744073709551615"]],
        ["int2vector", ["1 2 3"]],
        ["int4range", ["empty", "[1,5)"]],
        ["nummultirange", ["{[1.0,2.50)}"]],
        ["regclass", ["pg_class"]],
      ] as const
    ).map(([name, texts]): [PgType, [string, Value][]] => [pgType(name), texts.map((text) => [text, text])]),
    // A type of the user's that bears a built-in name prints as it likes.
    [pgType("int4", { schema: "public" }), [["five", "five"]]],
    [pgType("citext", { schema: "public" }), [["Foo", "Foo"]]],
    [pgType("hstore", { schema: "public" }), [['"a"=>NULL, "b"=>"NULL"', '"a"=>NULL, "b"=>"NULL"']]],
    [pgType("mood", { schema: "public", kind: "enum", labels: ["so so"] }), [["so so", "so so"]]],
    [
      pgType("pair", { schema: "public", kind: "composite", attributes: [] }),
      [['(1,"a ""b""",)', '(1,"a ""b""",)']],
    ],
    // The catalog gives these an element, but they are no arrays.
    [pgType("point", { element: pgType("float8") }), [["(1,2)", "(1,2)"]]],
    [pgType("int2vector", { element: pgType("int2") }), [["1 2", "1 2"]]],
    [pgType("name", { element: pgType("char") }), [["{odd}", "{odd}"]]],
  ];

  describe.each(cases.map(([type, values]) => ({ type, values })))(
    "$type.schema.$type.display",
    ({ type, values }) => {
      it.each(values)("%s", (text, expected) => {
        const { value, decoded } = passThroughConvex(type, text);
        expect(value).toStrictEqual(expected);
        expect(decoded).toBe(text);
        expect(passThroughConvex(type, text, "text")).toStrictEqual({ value: text, decoded: text });
      });
    },
  );
});

describe("doubles", () => {
  it("come back as the same number, whatever it is", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const { decoded } = passThroughConvex(pgType("float8"), Object.is(value, -0) ? "-0" : String(value));
        expect(Number(decoded)).toBe(value);
      }),
    );
  });
});

describe("texts that no setting of ours prints", () => {
  it.each([
    ["bool", "true"],
    ["int4", ""],
    ["int4", "x"],
    ["int8", "1.5"],
    ["float8", ""],
    ["date", "31.01.2024"],
    ["date", "2024-01-31 00:00:00"],
    ["timestamp", "2024-01-31"],
    ["timestamp", "2024-01-31 00:00:00+00"],
    ["timestamp", "Wed Jan 31 00:00:00 2024"],
    ["timestamptz", "2024-01-31 00:00:00"],
    ["timestamptz", "2024-01-31 00:00:00+02"],
    ["bytea", "abc\\001"],
    ["bytea", "\\xzz"],
    ["bytea", "\\x0"],
  ])("are refused, not guessed at: %s %j", (name, text) => {
    const refusal = refusalOf(pgType(name), text);
    expect(refusal).toMatchObject({ code: "UNSUPPORTED_VALUE", column: "c" });
    if (text !== "") expect(refusal.message).not.toContain(text);
  });

  it("are refused for a numeric with other digits than its type declares", () => {
    expect(refusalOf(numericType(10, 2), "1.5").code).toBe("UNSUPPORTED_VALUE");
    expect(refusalOf(numericType(10, 2), "1.505").code).toBe("UNSUPPORTED_VALUE");
    expect(refusalOf(numericType(10, 2), "12345678901234567890.00").code).toBe("UNSUPPORTED_VALUE");
  });
});

describe("chosen encodings", () => {
  it.each<[PgType, "number" | "int64" | "json" | "string", string, Value]>([
    [pgType("int4"), "int64", "5", 5n],
    [pgType("int4"), "number", "5", 5],
    [pgType("int4"), "string", "5", "5"],
    [pgType("int8"), "string", "9223372036854775807", "9223372036854775807"],
    [numericType(10, 2), "number", "1.50", 1.5],
    [numericType(10, 2), "string", "1.50", "1.50"],
    [pgType("timestamp"), "string", "2024-01-31 00:00:00", "2024-01-31T00:00:00.000000"],
    [pgType("jsonb"), "json", "[1]", [1]],
    [pgType("jsonb"), "string", '{"a": 1}', '{"a": 1}'],
    [domainOver(pgType("json")), "json", "[1, 1e2, 1e400]", [1, 100, { "~number": "1e400" }]],
    [arrayOf(pgType("int4")), "string", "{1,2}", "{1,2}"],
  ])("$0.display as $1", (type, encoding, text, expected) => {
    expect(passThroughConvex(type, text, encoding).value).toStrictEqual(expected);
  });
});
