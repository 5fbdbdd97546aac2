import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONVEX_NAME } from "../../../src/config/config-file-schema.js";
import { parseConfigFile } from "../../../src/config/config-file.js";
import { parseRelationName, showRelationName } from "../../../src/config/relation-name.js";
import { isConvexName } from "../../../src/model/names.js";

describe("a relation's name", () => {
  it.each([
    ["sow_poles", { schema: "public", name: "sow_poles" }],
    ["warehouse.orders", { schema: "warehouse", name: "orders" }],
    ["Sales.My Orders", { schema: "Sales", name: "My Orders" }],
    ['"my.schema"."a ""b"" c"', { schema: "my.schema", name: 'a "b" c' }],
    ['"one.name"', { schema: "public", name: "one.name" }],
  ])("%s", (text, expected) => {
    expect(parseRelationName(text)).toEqual(expected);
  });

  it.each(["", ".", "a.", ".b", "a.b.c", '"a', 'a"b', '""', 'a."b'])("is not %j", (text) => {
    expect(parseRelationName(text)).toBeNull();
  });

  it("is read back whatever it holds", () => {
    const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (schema, name) => {
        expect(parseRelationName(`${quote(schema)}.${quote(name)}`)).toEqual({ schema, name });
      }),
    );
  });

  it("is shown without its schema in public", () => {
    expect(showRelationName({ schema: "public", name: "sow_poles" })).toBe("sow_poles");
    expect(showRelationName({ schema: "warehouse", name: "orders" })).toBe("warehouse.orders");
  });
});

describe("the Convex table of a relation", () => {
  const mirrorOf = (relation: string) =>
    parseConfigFile(JSON.stringify({ tables: [{ relation }] }), "-").mirrors[0]!.name;

  it.each([
    ["sow_poles", "sow_poles"],
    ["warehouse.orders", "orders"],
    ["My Orders", "x__My_20Orders"],
    ["_private", "x____private"],
  ])("%s is %s by default", (relation, mirror) => {
    expect(mirrorOf(relation)).toBe(mirror);
  });

  it("is named by the same rule in the schema and in the encoder", () => {
    const character = fc.constantFrom("a", "Z", "5", "_", "-", "é", "\n");
    const name = fc.oneof(fc.string(), fc.string({ unit: character, minLength: 60, maxLength: 67 }));
    fc.assert(
      fc.property(name, (text) => {
        expect(CONVEX_NAME.test(text)).toBe(isConvexName(text));
      }),
      { numRuns: 1_000 },
    );
    expect([64, 65].map((length) => CONVEX_NAME.test("a".repeat(length)))).toEqual([true, false]);
  });
});
