import { getDocumentSize } from "convex/values";
import { describe, expect, it } from "vitest";
import { decodeDocument, encodeRow, readDocument } from "../../../src/encode/encode-row.js";
import { planDocument, validatorSource } from "../../../src/encode/plan-document.js";
import type { ColumnShape, EncodingName, PgType } from "../../../src/model/encoding.js";
import { EXIT, SyncError } from "../../../src/model/errors.js";
import { CONVEX_LIMITS } from "../../../src/model/limits.js";
import { receive } from "../../support/encoding.js";
import { arrayOf, numericType, pgType } from "../../support/pg-type.js";

function column(name: string, type: PgType, encoding: EncodingName = "default", field = name): ColumnShape {
  return { name, field, type, encoding };
}

function configErrorOf(columns: ColumnShape[]): SyncError {
  try {
    planDocument(columns, "poles");
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
  throw new Error("The plan was accepted");
}

describe("planning a document", () => {
  it.each<[PgType, EncodingName]>([
    [pgType("int8"), "number"],
    [pgType("numeric", { display: "numeric" }), "number"],
    [numericType(16, 2), "number"],
    [numericType(15, 101), "number"],
    [numericType(14, -2), "number"],
    [pgType("text"), "number"],
    [pgType("bool"), "number"],
    [arrayOf(pgType("int4")), "number"],
    [numericType(4, 0), "int64"],
    [pgType("float8"), "int64"],
    [pgType("xid8"), "int64"],
    [pgType("text"), "json"],
    [arrayOf(pgType("jsonb")), "json"],
  ])("refuses an encoding that loses values: $0.display as $1", (type, encoding) => {
    const error = configErrorOf([column("c", type, encoding)]);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", table: "poles", exitCode: EXIT.usage });
    expect(error.message).toBe(
      `Column "c" of type ${type.display} cannot be encoded as "${encoding}" without loss.`,
    );
    expect(error.remedy).toMatch(/^Choose one of the encodings default, text, .*string for it\.$/);
    expect(error.remedy).not.toContain(encoding);
  });

  it("refuses two columns in one field", () => {
    const error = configErrorOf([
      column("a", pgType("text"), "default", "f"),
      column("b", pgType("text"), "text", "f"),
    ]);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toBe('The columns "a" and "b" are both to be mirrored as the field "f".');
  });

  it.each(["_id", "a b", "", "a".repeat(65)])("refuses the field %j", (field) => {
    expect(configErrorOf([column("c", pgType("text"), "default", field)]).message).toContain(
      `field "${field}"`,
    );
  });

  it("refuses more columns than a document has fields", () => {
    const columns = (count: number) =>
      Array.from({ length: count }, (_, i) => column(`c${i}`, pgType("text")));
    expect(planDocument(columns(1022)).columns).toHaveLength(1022);
    expect(configErrorOf(columns(1023)).message).toContain("1023 columns");
  });

  it.each<[PgType, EncodingName, string]>([
    [pgType("text"), "default", "v.string()"],
    [pgType("int4"), "default", "v.number()"],
    [pgType("int4"), "int64", "v.int64()"],
    [pgType("bool"), "default", "v.boolean()"],
    [pgType("bytea"), "default", "v.bytes()"],
    [pgType("jsonb"), "default", "v.any()"],
    [pgType("jsonb"), "text", "v.string()"],
    [
      arrayOf(pgType("int4")),
      "default",
      "v.union(v.string(), v.array(v.union(v.null(), v.number(), v.array(v.any()))))",
    ],
    [arrayOf(pgType("jsonb")), "default", "v.union(v.string(), v.array(v.any()))"],
  ])("names the validator of $0.display as $1", (type, encoding, source) => {
    expect(validatorSource(column("c", type, encoding))).toBe(source);
  });
});

describe("encoding a row", () => {
  const plan = planDocument([
    column("id", pgType("uuid")),
    column("größe", numericType(10, 2), "default", "x__gr_c3_b6_c3_9fe"),
    column("raw", pgType("jsonb")),
    column("tags", arrayOf(pgType("text"))),
    column("n", pgType("int8")),
  ]);

  it("fills the document's fields, NULL as null, and knows its size", () => {
    const row = [
      "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
      "1.50",
      '{"é": "ü", "_a": [1, true, null]}',
      "{ä,NULL}",
      null,
    ];
    const result = encodeRow(plan, row);
    if (!result.ok) throw new Error(result.refusal.message);
    const document = readDocument(result.json);
    expect(document).toStrictEqual({
      id: "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
      x__gr_c3_b6_c3_9fe: 1.5,
      raw: { "~%C3%A9": "ü", _a: [1, true, null] },
      tags: ["ä", null],
      n: null,
    });
    expect(result.bytes).toBe(getDocumentSize(document));
    const stored = { _id: "k57", _creationTime: 1, ...receive(document) };
    expect(decodeDocument(plan, stored)).toStrictEqual([
      ...row.slice(0, 2),
      '{"_a": [1, true, null], "é": "ü"}',
      ...row.slice(3),
    ]);
  });

  it("reads a field that is missing as NULL", () => {
    expect(decodeDocument(plan, {})).toStrictEqual([null, null, null, null, null]);
  });

  it("refuses a row with a value that does not fit, and names the column, not the value", () => {
    const result = encodeRow(plan, ["a", "1.5", "secret", null, null]);
    expect(result).toMatchObject({ ok: false, refusal: { code: "UNSUPPORTED_VALUE", column: "größe" } });
    expect(JSON.stringify(result)).not.toMatch(/1\.5|secret/);
  });

  it("refuses a document over 1 MiB, and names its largest column", () => {
    const narrow = planDocument([column("id", pgType("text")), column("note", pgType("text"))]);
    const room = CONVEX_LIMITS.maxDocumentBytes - getDocumentSize({ id: "1", note: "" });
    const full = encodeRow(narrow, ["1", "x".repeat(room)]);
    expect(full).toMatchObject({ ok: true, bytes: CONVEX_LIMITS.maxDocumentBytes });

    for (const text of ["x".repeat(room + 1), `é${"x".repeat(room - 1)}`]) {
      expect(encodeRow(narrow, ["1", text])).toStrictEqual({
        ok: false,
        refusal: {
          code: "DOCUMENT_TOO_LARGE",
          column: null,
          message:
            `The document would have 1048577 bytes, and Convex takes 1048576; ` +
            `its largest column is "note" with ${room + 3}.`,
        },
      });
    }
  });

  it("does not take a row of another shape", () => {
    expect(() => encodeRow(plan, ["a"])).toThrow("does not fit");
  });
});
