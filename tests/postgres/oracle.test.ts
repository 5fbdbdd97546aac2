import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSourceTables } from "../../local/data/fill-source.js";
import { compareTable, type Difference, type Document } from "../../local/oracle/compare-table.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

const FIRST = "00000000-0000-4000-8000-000000000001";
const SECOND = "00000000-0000-4000-8000-000000000002";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await createSourceTables(database.sql);
  await database.sql.unsafe(`
    INSERT INTO nokia_exports (id, drop_number, serial_number, "timestamp", ont_rx_sig_dbm, latitude, date, raw_data,
                               created_at, updated_at, sync_timestamp)
    VALUES ('${FIRST}', 'DR1', 'größer', '2025-10-31 12:00:07.000120', -20.500, -26.37000001, '2025-10-31',
            '{"a": {"_b": [1, 2.50, null]}, "$c": "d"}', '2025-10-31 12:00:07', 'infinity', now()),
           ('${SECOND}', NULL, '', NULL, 0, NULL, NULL, NULL, NULL, NULL, now());
    INSERT INTO lawley_activations (id, step_1_property_frontage, step_2_location_on_wall, zone_no, created_at, updated_at)
    VALUES ('${FIRST}', true, false, 7, NULL, NULL)`);
});
afterAll(() => database.drop());

/** The first row's document, as it has to be. */
const document: Document = {
  _id: "first",
  _creationTime: 1,
  id: FIRST,
  drop_number: "DR1",
  serial_number: "größer",
  timestamp: "2025-10-31T12:00:07.000120",
  olt_address: null,
  ont_rx_sig_dbm: -20.5,
  link_budget_ont_to_olt_db: null,
  olt_rx_sig_dbm: null,
  link_budget_olt_to_ont_db: null,
  status: null,
  latitude: -26.37000001,
  longitude: null,
  current_ont_rx: null,
  team: null,
  date: "2025-10-31",
  project_id: null,
  source_file: null,
  raw_data: { a: { _b: [1, 2.5, null] }, "~$c": "d" },
  created_at: "2025-10-31T12:00:07.000000",
  updated_at: "infinity",
};

/** The second row's: everything is null but three. */
const emptyDocument: Document = {
  ...Object.fromEntries(Object.keys(document).map((field) => [field, null])),
  ...{ _id: "second", _creationTime: 2, id: SECOND, serial_number: "", ont_rx_sig_dbm: 0 },
};

const compare = (...documents: Document[]) => compareTable(database.sql, "nokia_exports", documents);

async function findDifferences(...documents: Document[]): Promise<Difference[]> {
  return (await compare(...documents)).differences;
}

test("equal sides are equal, and every value is counted", async () => {
  expect(await compare(emptyDocument, document)).toEqual({
    table: "nokia_exports",
    rows: 2,
    documents: 2,
    values: 20 + 20 + 3, // raw_data has four values in the first row, and is one NULL in the second
    differing: 0,
    differences: [],
  });
});

test("booleans and integers are compared as such", async () => {
  const columns = await database.sql<{ name: string }[]>`
    SELECT column_name AS name FROM information_schema.columns
     WHERE table_name = 'lawley_activations' AND column_name <> 'sync_timestamp'`;
  const equal: Document = {
    ...Object.fromEntries(columns.map(({ name }) => [name, null])),
    ...{ id: FIRST, step_1_property_frontage: true, step_2_location_on_wall: false, zone_no: 7 },
  };
  const verdicts = await Promise.all(
    [equal, { ...equal, step_2_location_on_wall: null }, { ...equal, zone_no: 7n }].map((candidate) =>
      compareTable(database.sql, "lawley_activations", [candidate]),
    ),
  );
  expect(
    verdicts.map(({ differences }) => differences.map(({ column, detail }) => [column, detail])),
  ).toEqual([
    [],
    [["step_2_location_on_wall", "null instead of boolean"]],
    [["zone_no", "bigint instead of number"]],
  ]);
});

describe("a planted difference is found", () => {
  test.each<[string, string, unknown, string]>([
    ["another text", "drop_number", "DR2", "another string"],
    ["a text in another Unicode form", "serial_number", "gro\u0308ßer", "another string"],
    ["null for a text", "drop_number", null, "null instead of string"],
    ["the empty text for NULL", "status", "", "string instead of null"],
    ["microseconds lost", "timestamp", "2025-10-31T12:00:07.000", "another string"],
    ["one microsecond off", "timestamp", "2025-10-31T12:00:07.000121", "another string"],
    ["a time as a number", "timestamp", 1761912007000, "number instead of string"],
    ["a time with a zone", "created_at", "2025-10-31T12:00:07.000000Z", "another string"],
    ["null for infinity", "updated_at", null, "null instead of string"],
    ["a numeric as its text", "ont_rx_sig_dbm", "-20.500", "string instead of number"],
    ["the eighth decimal", "latitude", -26.37000002, "another number"],
    ["a number for NULL", "longitude", 0, "number instead of null"],
    ["a date with a time", "date", "2025-10-31T00:00:00.000000", "another string"],
    ["a jsonb as its text", "raw_data", '{"a": 1}', "no object at the top"],
    [
      "a value within a jsonb",
      "raw_data",
      { a: { _b: [1, 2.5, 0] }, "~$c": "d" },
      "number instead of null at .a._b[2]",
    ],
    ["a jsonb that became NULL", "raw_data", null, "no object at the top"],
  ])("%s", async (_name, column, value, detail) => {
    expect(await findDifferences({ ...document, [column]: value }, emptyDocument)).toEqual([
      { kind: "value", id: FIRST, column, detail },
    ]);
  });

  test("-0 for a numeric 0", async () => {
    expect(await findDifferences(document, { ...emptyDocument, ont_rx_sig_dbm: -0 })).toEqual([
      { kind: "value", id: SECOND, column: "ont_rx_sig_dbm", detail: "another number" },
    ]);
  });

  test("a field that is missing, though its column is NULL", async () => {
    const { status: _status, ...lacking } = document;
    expect(await findDifferences(lacking, emptyDocument)).toEqual([
      { kind: "missing field", id: FIRST, column: "status", detail: "the document lacks it" },
    ]);
  });

  test.each(["sync_timestamp", "hash"])("a field too much: %s", async (field) => {
    expect(await findDifferences({ ...document, [field]: null }, emptyDocument)).toEqual([
      { kind: "extra field", id: FIRST, column: field, detail: "no column has this name" },
    ]);
  });

  test("a row without a document", async () => {
    expect(await findDifferences(document)).toEqual([
      { kind: "missing document", id: SECOND, column: null, detail: "the row has no document" },
    ]);
  });

  test("a document without a row", async () => {
    const stranger = { ...document, _id: "third", id: FIRST.replace("1", "3") };
    const nameless = { ...document, _id: "fourth", id: null };
    expect(await findDifferences(document, emptyDocument, stranger, nameless)).toEqual([
      { kind: "extra document", id: "third", column: null, detail: "no row has its id" },
      { kind: "extra document", id: "fourth", column: null, detail: "no row has its id" },
    ]);
  });

  test("two documents of one row", async () => {
    expect(await findDifferences(document, emptyDocument, { ...document, _id: "fifth" })).toEqual([
      { kind: "extra document", id: "fifth", column: null, detail: "another document has its id too" },
    ]);
  });

  test("all differences are counted, the first ones are told, no value is", async () => {
    const verdict = await compare(
      ...Array.from({ length: 30 }, (_, n) => ({ ...document, _id: `id ${n}`, drop_number: "a secret" })),
    );
    // The first has another text; 29 are too much; a row has no document.
    expect(verdict.differing).toBe(1 + 29 + 1);
    expect(verdict.differences).toHaveLength(10);
    expect(JSON.stringify(verdict)).not.toMatch(/secret|DR1/);
  });
});

test("a column of a type without an expectation is an error, not passed over", async () => {
  await database.sql`CREATE TABLE others (id uuid PRIMARY KEY, amount money)`;
  await expect(compareTable(database.sql, "others", [])).rejects.toThrow("does not know what money");
  await database.sql`CREATE TABLE wide (id uuid PRIMARY KEY, amount numeric(16, 2))`;
  await expect(compareTable(database.sql, "wide", [])).rejects.toThrow("does not know what numeric");
});
