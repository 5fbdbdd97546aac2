import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom, randomForRow } from "../../../local/data/random.js";
import { SOURCE_TABLES, type SourceRow } from "../../../local/data/source-tables.js";

/** The shape of the production tables, as far as it is known: keys of `raw_data`, and bytes of a row. */
const SHAPES = {
  sow_poles: { keys: 96, bytes: [1_000, 2_000] },
  sow_drops: { keys: 28, bytes: [800, 1_200] },
  nokia_exports: { keys: 20, bytes: [500, 1_000] },
  onemap_installations: { keys: 223, bytes: [4_000, 10_000] },
  onemap_poles: { keys: 129, bytes: [2_000, 5_000] },
  lawley_activations: { keys: 40, bytes: [1_000, 2_000] },
  mohadin_activations: { keys: 40, bytes: [1_000, 2_000] },
} as const;

const makeRows = (table: (typeof SOURCE_TABLES)[number], count: number, seed = 1): SourceRow[] =>
  Array.from({ length: count }, (_, index) => table.makeRow(seed, index));

const rawDataOf = (rows: SourceRow[]) =>
  rows.flatMap((row) => (row["raw_data"] === null ? [] : [row["raw_data"] as Record<string, unknown>]));

test("there are 59,500 rows at scale 1, 57,200 of them in the five tables that are rewritten", () => {
  const sum = (tables: readonly { rowCount: number }[]) =>
    tables.reduce((total, { rowCount }) => total + rowCount, 0);
  expect(sum(SOURCE_TABLES)).toBe(59_500);
  expect(SOURCE_TABLES.filter(({ rewritten }) => rewritten)).toHaveLength(5);
  expect(sum(SOURCE_TABLES.filter(({ rewritten }) => rewritten))).toBe(57_200);
});

describe.each(SOURCE_TABLES)("$name", (table) => {
  const rows = makeRows(table, 400);
  const shape = SHAPES[table.name];

  test("a row depends on the seed and its index alone", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(1_000_000), fc.nat(1_000_000), (seed, index, before) => {
        const row = table.makeRow(seed, index);
        table.makeRow(seed, before);
        expect(table.makeRow(seed, index)).toEqual(row);
      }),
      { numRuns: 50 },
    );
  });

  test("other seeds and other indexes give other rows", () => {
    expect(table.makeRow(1, 0)).not.toEqual(table.makeRow(2, 0));
    expect(new Set(rows.map((row) => row["id"])).size).toBe(rows.length);
  });

  test("a row has exactly the table's columns", () => {
    for (const row of rows) expect(Object.keys(row).sort()).toEqual([...table.columns].sort());
  });

  test("raw_data is sparse, of the known width, with keys of the known form", () => {
    const sheets = rawDataOf(rows);
    const keys = new Set(sheets.flatMap((sheet) => Object.keys(sheet)));
    expect(keys.size).toBeLessThanOrEqual(shape.keys);
    expect(keys.size).toBeGreaterThan(shape.keys * 0.6);
    for (const key of keys) expect(key).toMatch(/^[a-z0-9_]+$/);
    expect(new Set(sheets.map((sheet) => Object.keys(sheet).length)).size).toBeGreaterThan(3);
  });

  test("rows are as wide as the production ones on average", () => {
    const print = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
    const bytes = rows.reduce((sum, row) => sum + Object.values(row).map(print).join().length, 0);
    const [min, max] = shape.bytes;
    expect(bytes / rows.length).toBeGreaterThan(min);
    expect(bytes / rows.length).toBeLessThan(max);
  });

  test("the natural key is unique where the table says so, elsewhere duplicated and sometimes null", () => {
    const many = makeRows(table, 2_000);
    const natural = ["property_id", "drop_number", "pole_number"].find((name) =>
      table.columns.includes(name),
    )!;
    const values = many.map((row) => row[natural]);
    const isUnique = table.name.endsWith("_activations");
    expect(new Set(values).size === values.length).toBe(isUnique);
    expect(values.includes(null)).toBe(!isUnique);
  });
});

test("over all tables, raw_data holds every kind of value and keys that begin with a digit or a line", () => {
  const sheets = SOURCE_TABLES.flatMap((table) => rawDataOf(makeRows(table, 300)));
  const values = sheets.flatMap((sheet) => Object.values(sheet));
  expect(new Set(values.map((value) => (value === null ? "null" : typeof value)))).toEqual(
    new Set(["string", "number", "boolean", "object", "null"]),
  );
  expect(values).toContainEqual({ error: "#N/A" });
  expect(values.some((value) => /^\d{4}-\d\d-\d\dT/.test(String(value)))).toBe(true);
  const keys = new Set(sheets.flatMap((sheet) => Object.keys(sheet)));
  expect([...keys]).toEqual(expect.arrayContaining(["1map_nad_id", "_source"]));
});

test("every activation names its source", () => {
  for (const table of SOURCE_TABLES.filter(({ name }) => name.endsWith("_activations"))) {
    for (const sheet of rawDataOf(makeRows(table, 300))) expect(sheet).toHaveProperty("_source");
  }
});

test("nobody's telephone or e-mail can be meant", () => {
  const text = JSON.stringify(SOURCE_TABLES.flatMap((table) => makeRows(table, 300)));
  for (const [, domain] of text.matchAll(/@([\w.-]+)/g)) expect(domain).toBe("example.com");
  for (const [, number] of text.matchAll(/"[a-z_]*contact_number[a-z0-9_]*":"(\d+)"/g)) {
    expect(number).toMatch(/^000\d{7}$/);
  }
});

describe("the random source", () => {
  test("stays within its ranges", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.nat(1_000_000), (seed, from, width) => {
        const random = createRandom(seed);
        const drawn = random.integer(from, from + width);
        expect(drawn).toBeGreaterThanOrEqual(from);
        expect(drawn).toBeLessThanOrEqual(from + width);
      }),
    );
  });

  test("makes UUIDs as Postgres does", () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (let seed = 0; seed < 1_000; seed++) expect(createRandom(seed).uuid()).toMatch(uuid);
  });

  test("meets probabilities, and neighbouring rows know nothing of each other", () => {
    const rows = 20_000;
    let first = 0;
    let both = 0;
    for (let index = 0; index < rows; index++) {
      const here = randomForRow(1, 0, index).chance(0.2);
      const next = randomForRow(1, 0, index + 1).chance(0.2);
      if (here) first += 1;
      if (here && next) both += 1;
    }
    expect(first / rows).toBeCloseTo(0.2, 2);
    expect(both / rows).toBeCloseTo(0.04, 2);
  });

  test("no two rows share a sequence", () => {
    const ids = new Set<string>();
    for (let table = 0; table < 7; table++) {
      for (let index = 0; index < 10_000; index++) ids.add(randomForRow(5, table, index).uuid());
    }
    expect(ids.size).toBe(70_000);
  });
});
