import fc from "fast-check";
import { format } from "prettier";
import { expect, test } from "vitest";
import { printModule, type TableModule } from "../../../src/commands/schema/print-module.js";
import { normalise, readModule } from "../../../src/commands/schema/read-module.js";

const VALIDATORS = [
  "v.string()",
  "v.number()",
  "v.int64()",
  "v.union(v.string(), v.array(v.union(v.null(), v.string(), v.array(v.any()))))",
  "v.any()",
];
const name = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,12}$/)
  .filter((text) => !["__proto__", "constructor"].includes(text));
const table = fc.record({
  fields: fc.dictionary(name, fc.constantFrom(...VALIDATORS), { minKeys: 1, maxKeys: 6 }),
  indexes: fc.uniqueArray(name, { maxLength: 3 }),
});

function toModules(
  tables: Record<string, { fields: Record<string, string>; indexes: string[] }>,
): TableModule[] {
  return Object.entries(tables).map(([of, { fields, indexes }]) => ({
    name: of,
    fields: new Map(Object.entries(fields)),
    indexes: indexes.map((index) => `.index("${index}", ["${index}", "other"])`),
    suggestions: [
      'Where the app looks rows up by it: .index("by_x", ["x"]) (another copy, which Convex bills)',
    ],
  }));
}

test("what is written is read again, however it is laid out", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(name, table, { minKeys: 1, maxKeys: 4 }),
      fc.constantFrom("app", "clone"),
      async (tables, home) => {
        const modules = toModules(tables);
        const printed = printModule(modules, home);
        const layouts = [
          printed,
          await format(printed, {
            parser: "typescript",
            singleQuote: true,
            printWidth: 40,
            trailingComma: "none",
          }),
        ];
        for (const text of layouts) {
          const read = readModule(text);
          expect([...read.keys()]).toEqual(modules.map((module) => module.name));
          for (const { name: of, fields, indexes } of modules) {
            const found = read.get(of)!;
            expect([...found.fields]).toEqual(
              [...fields].map(([field, validator]) => [field, normalise(validator)]),
            );
            expect(found.indexes.map(normalise)).toEqual(indexes.map(normalise));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("what stands in comments, and what is no table of mirrored fields, is not read", () => {
  const text = `
    // gone: defineTable({ id: mirrored(v.string()) }),
    /* old: defineTable({ id: mirrored(v.string()) }) */
    export const helpers = { a: other({ id: mirrored(v.string()) }) };
    export const mirrorTables = { kept: defineTable({ "id": mirrored( v.union( v.string(), v.null(), ) ), own: v.string() }).index('by_id', ['id',]) };`;
  const read = readModule(text);
  expect([...read.keys()]).toEqual(["kept"]);
  expect([...read.get("kept")!.fields]).toEqual([["id", "v.union(v.string(),v.null())"]]);
  expect(read.get("kept")!.indexes).toHaveLength(1);
});
