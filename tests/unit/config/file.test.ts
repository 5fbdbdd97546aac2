import { describe, expect, it } from "vitest";
import { parseConfigFile } from "../../../src/config/config-file.js";

const parse = (json: unknown) => parseConfigFile(JSON.stringify(json), "datahub-sync.config.json");
const messages = (json: unknown) => parse(json).problems.map(({ message }) => message);
const table = (extra: object) => ({ tables: [{ relation: "sow_poles", ...extra }] });

describe("the configuration file", () => {
  it("fills in what is left out", () => {
    expect(parse({ tables: [{ relation: "sow_poles" }] })).toEqual({
      budget: null,
      problems: [],
      mirrors: [
        {
          relation: { schema: "public", name: "sow_poles" },
          base: null,
          name: "sow_poles",
          key: null,
          ignore: ["sync_timestamp"],
          updatedAt: "content",
          exclude: [],
          columns: {},
        },
      ],
    });
  });

  it("takes all three names, keys, columns and encodings", () => {
    const { mirrors, problems } = parse({
      $schema: "./node_modules/datahub-sync/schema/datahub-sync.config.schema.json",
      tables: [
        {
          relation: "reports.sow_poles",
          base: "sharepoint_hld_pole",
          mirror: "poles",
          key: ["project_id", "pole_number"],
          ignore: [],
          exclude: ["raw_data"],
          columns: { height: { encoding: "text" }, type: { field: "kind", encoding: "default" } },
        },
      ],
    });
    expect(problems).toEqual([]);
    expect(mirrors).toEqual([
      {
        relation: { schema: "reports", name: "sow_poles" },
        base: { schema: "public", name: "sharepoint_hld_pole" },
        name: "poles",
        key: ["project_id", "pole_number"],
        ignore: [],
        updatedAt: "as-written",
        exclude: ["raw_data"],
        columns: { height: { encoding: "text" }, type: { field: "kind", encoding: "default" } },
      },
    ]);
  });

  it.each([
    ["a default table", { relation: "sow_poles" }, "content"],
    ["a default table, mirrored under another name", { relation: "sow_poles", mirror: "poles" }, "content"],
    ["a default table that says otherwise", { relation: "sow_poles", updatedAt: "as-written" }, "as-written"],
    ["a table of that name in another schema", { relation: "reports.sow_poles" }, "as-written"],
    ["any other table", { relation: "orders" }, "as-written"],
    ["any other table that says otherwise", { relation: "orders", updatedAt: "content" }, "content"],
  ])("updated_at of %s", (_, entry, expected) => {
    expect(parse({ tables: [entry] })).toMatchObject({ problems: [], mirrors: [{ updatedAt: expected }] });
  });

  it.each([
    ["an array", [], "the file is an array, expected an object"],
    ["no tables", {}, "tables is missing"],
    ["an empty list", { tables: [] }, "tables is empty, expected at least one table"],
    ["no relation", { tables: [{ mirror: "a" }] }, "tables[0].relation is missing"],
    [
      "a wrong relation",
      { tables: [{ relation: "a.b.c" }] },
      'tables[0] (a.b.c).relation is "a.b.c", expected "name" or "schema.name", a part with a dot or a quote in double quotes',
    ],
    ["a number", table({ mirror: 7 }), "tables[0] (sow_poles).mirror is 7, expected a string"],
    [
      "a mirror that Convex refuses",
      table({ mirror: "_poles" }),
      'tables[0] (sow_poles).mirror is "_poles", expected a name that Convex accepts: a letter, then letters, digits, _; at most 64',
    ],
    ["an empty key", table({ key: [] }), "tables[0] (sow_poles).key is empty, expected at least one column"],
    ["a column twice", table({ exclude: ["a", "a"] }), "tables[0] (sow_poles).exclude names a column twice"],
    ["a text for a list", table({ exclude: "a" }), 'tables[0] (sow_poles).exclude is "a", expected an array'],
    [
      "an unknown key",
      table({ colums: {} }),
      'tables[0] (sow_poles) has "colums"; known are relation, base, mirror, key, ignore, updatedAt, exclude, columns',
    ],
    [
      "an unknown encoding",
      table({ columns: { raw_data: { encoding: "jsno" } } }),
      'tables[0] (sow_poles).columns.raw_data.encoding is "jsno", expected one of "default", "text", "json", "number", "int64", "string"',
    ],
    [
      "an unknown meaning of updated_at",
      table({ updatedAt: "now" }),
      'tables[0] (sow_poles).updatedAt is "now", expected one of "content", "as-written"',
    ],
    [
      "a meaning of updated_at where it is ignored",
      table({ ignore: ["updated_at"], updatedAt: "as-written" }),
      "tables[0] (sow_poles).updatedAt is for a column that ignore leaves out",
    ],
    [
      "a meaning of updated_at where it is excluded",
      table({ exclude: ["updated_at"], updatedAt: "content" }),
      "tables[0] (sow_poles).updatedAt is for a column that exclude leaves out",
    ],
    [
      "a key column that is excluded",
      table({ key: ["id"], exclude: ["id"] }),
      "tables[0] (sow_poles).exclude names id, which is part of the key",
    ],
    [
      "an encoding for a column that is left out",
      table({ exclude: ["a"], columns: { a: { encoding: "text" } } }),
      "tables[0] (sow_poles).columns.a is for a column that exclude leaves out",
    ],
    [
      "two columns in one field",
      table({ columns: { a: { field: "x" }, b: { field: "x" } } }),
      "tables[0] (sow_poles).columns.b.field is x, and so is that of a",
    ],
    ["two relations in one table", { tables: [{ relation: "a.poles" }, { relation: "b.poles" }] }, null],
  ])("refuses %s and says where", (_, json, expected) => {
    const [message, ...rest] = messages(json);
    expect(rest).toEqual([]);
    if (expected === null) {
      expect(message).toBe(
        "datahub-sync.config.json mirrors both a.poles and b.poles to the Convex table poles.",
      );
    } else {
      expect(message).toBe(`datahub-sync.config.json: ${expected}.`);
    }
  });

  it("reports everything at once", () => {
    expect(messages({ tables: [{ relation: "" }, { relation: "b", key: [1] }] })).toHaveLength(2);
  });

  it("says where JSON breaks, and does not quote it", () => {
    const broken = parseConfigFile('{\n  "tables": [\n    { "relation": "poles", }\n  ]\n}', "sync.json");
    expect(broken.problems[0]!.message).toBe("sync.json is not valid JSON, near line 3, column 28.");
    expect(parseConfigFile("", "sync.json").problems[0]!.message).toBe(
      "sync.json is not valid JSON: it is empty.",
    );
  });

  it.each([
    ["free", { plan: "free", ioBytes: 1e9, storageBytes: 0.5e9, calls: 1_000_000 }],
    [
      { plan: "starter", databaseIoGb: 0.6 },
      { plan: "starter", ioBytes: 0.6e9, storageBytes: 0.5e9, calls: 1_000_000 },
    ],
    [{ storageGb: 2 }, { plan: null, ioBytes: null, storageBytes: 2e9, calls: null }],
  ])("takes a budget: %j", (budget, expected) => {
    expect(parse({ ...table({}), budget })).toMatchObject({ problems: [], budget: expected });
  });

  it.each([
    [
      "gold",
      /^datahub-sync\.config\.json: budget is "gold", expected "free", "starter", "professional", or an object with amounts\.$/,
    ],
    [7, /budget is 7, expected "free"/],
    [{ plan: "gold" }, /budget\.plan is "gold", expected one of "free", "starter", "professional"\.$/],
    [{ calls: 0 }, /budget\.calls is 0, expected a number above 0\.$/],
    [{ ioGb: 1 }, /budget has "ioGb"; known are plan, databaseIoGb, storageGb, calls\.$/],
  ])("refuses the budget %j and says where", (budget, message) => {
    expect(messages({ ...table({}), budget })).toEqual([expect.stringMatching(message)]);
  });
});
