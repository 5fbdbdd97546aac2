import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONVEX_NAME, tableNameFor } from "../../src/config/convex-name.js";
import { parseRelationName, showRelationName } from "../../src/config/relation-name.js";

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
  it.each([
    ["sow_poles", "sow_poles"],
    ["My Orders", "My_Orders_00db793f"],
    ["2024_sales", "t2024_sales_7ab816c1"],
    ["_private", "t_private_3ce6c249"],
    ["größe", "gr__e_d353a267"],
  ])("%s is %s", (name, table) => {
    expect(tableNameFor(name)).toBe(table);
  });

  it("is a name that Convex accepts, and another for each relation", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 100 }),
        fc.string({ minLength: 1, maxLength: 100 }),
        (a, b) => {
          expect(tableNameFor(a)).toMatch(CONVEX_NAME);
          if (a !== b) expect(tableNameFor(a)).not.toBe(tableNameFor(b));
        },
      ),
    );
  });
});
