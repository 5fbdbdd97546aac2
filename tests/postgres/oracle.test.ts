import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSourceTables } from "../../local/data/fill-source.js";
import { compareTable, type Comparison } from "../../local/oracle/compare-table.js";
import { describeTable } from "../../local/oracle/describe-table.js";
import { ledgerNumber } from "../../local/oracle/ledger-number.js";
import { withPinned, type Difference } from "../../local/oracle/mirrored-table.js";
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
  _id: "second",
  _creationTime: 2,
  id: SECOND,
  serial_number: "",
  ont_rx_sig_dbm: 0,
};

type Document = Readonly<Record<string, unknown>>;

/** What the oracle says of these documents, whose ledger is as it has to be. */
function compare(table: string, documents: readonly Document[], showsValues = false): Promise<Comparison> {
  const entries = documents.map(({ _id, id }) => ({ m: ledgerNumber(table), k: id, d: _id }));
  const sides: Record<string, readonly Document[]> = {
    [table]: documents,
    datahubSyncLedger: entries,
    datahubSyncCounts: [{ table, rows: documents.length }],
  };
  return withPinned(database.sql, async (sql) => {
    const described = await describeTable(sql, { relation: table, without: ["sync_timestamp"] });
    const tableDocuments = (name: string) => (sides[name] ?? []) as Iterable<Document & { _id: string }>;
    return compareTable(sql, described, { tableDocuments }, { showsValues });
  });
}

async function findDifferences(...documents: Document[]): Promise<Difference[]> {
  const { differences, missing } = await compare("nokia_exports", documents);
  return [...differences, ...missing.map((key) => ({ key, column: null, what: "no document" }))];
}

test("equal sides are equal, and every value is counted", async () => {
  expect(await compare("nokia_exports", [emptyDocument, document])).toEqual({
    rows: 2,
    documents: 2,
    values: 20 + 20 + 3, // raw_data has four values in the first row, and is one NULL in the second
    differences: [],
    missing: [],
  });
});

test("booleans and integers are compared as such", async () => {
  const columns = await database.sql<{ name: string }[]>`
    SELECT column_name AS name FROM information_schema.columns
     WHERE table_name = 'lawley_activations' AND column_name <> 'sync_timestamp'`;
  const equal: Document = {
    ...Object.fromEntries(columns.map(({ name }) => [name, null])),
    _id: "first",
    id: FIRST,
    step_1_property_frontage: true,
    step_2_location_on_wall: false,
    zone_no: 7,
  };
  const candidates = [equal, { ...equal, step_2_location_on_wall: null }, { ...equal, zone_no: 7n }];
  const found: unknown[] = [];
  for (const candidate of candidates) {
    const { differences } = await compare("lawley_activations", [candidate]);
    found.push(differences.map(({ key, column, what }) => [key, column, what]));
  }
  expect(found).toEqual([
    [],
    [[FIRST, "step_2_location_on_wall", "another value"]],
    [
      ["first", "zone_no", "a bigint where a number is documented"],
      [FIRST, "zone_no", "another value"],
    ],
  ]);
});

describe("a planted difference is found", () => {
  test.each<[string, string, unknown]>([
    ["another text", "drop_number", "DR2"],
    ["a text in another Unicode form", "serial_number", "gro\u0308ßer"],
    ["null for a text", "drop_number", null],
    ["the empty text for NULL", "status", ""],
    ["microseconds lost", "timestamp", "2025-10-31T12:00:07.000"],
    ["one microsecond off", "timestamp", "2025-10-31T12:00:07.000121"],
    ["a time as a number", "timestamp", 1761912007000],
    ["a time with a zone", "created_at", "2025-10-31T12:00:07.000000Z"],
    ["null for infinity", "updated_at", null],
    ["a numeric as its text", "ont_rx_sig_dbm", "-20.500"],
    ["the eighth decimal", "latitude", -26.37000002],
    ["a number for NULL", "longitude", 0],
    ["a date with a time", "date", "2025-10-31T00:00:00.000000"],
    ["a jsonb as its text", "raw_data", '{"a": 1}'],
    ["a value within a jsonb", "raw_data", { a: { _b: [1, 2.5, 0] }, "~$c": "d" }],
    ["a jsonb that became NULL", "raw_data", null],
  ])("%s", async (_name, column, value) => {
    const found = await findDifferences({ ...document, [column]: value }, emptyDocument);
    expect(new Set(found.map((difference) => difference.column))).toEqual(new Set([column]));
  });

  test("-0 for a numeric 0", async () => {
    expect(await findDifferences(document, { ...emptyDocument, ont_rx_sig_dbm: -0 })).toContainEqual({
      key: "second",
      column: "ont_rx_sig_dbm",
      what: "-0 where no number is",
    });
  });

  test("a field that is missing, though its column is NULL", async () => {
    const { status: _status, ...lacking } = document;
    expect(await findDifferences(lacking, emptyDocument)).toEqual([
      { key: "first", column: "status", what: "the document lacks the field" },
    ]);
  });

  test.each(["sync_timestamp", "hash"])("a field too much: %s", async (field) => {
    expect(await findDifferences({ ...document, [field]: null }, emptyDocument)).toEqual([
      { key: "first", column: field, what: "a field that no column explains" },
    ]);
  });

  test("a row without a document", async () => {
    expect(await findDifferences(document)).toEqual([{ key: SECOND, column: null, what: "no document" }]);
  });

  test("a document without a row", async () => {
    const stranger = { ...document, _id: "third", id: FIRST.replace("1", "3") };
    const nameless = { ...document, _id: "fourth", id: "nobody's" };
    const found = await findDifferences(document, emptyDocument, stranger, nameless);
    expect(found).toContainEqual({ key: "third", column: null, what: "a document without a row" });
    expect(found.map(({ key }) => key)).toContain("nobody's");
  });

  test("two documents of one row", async () => {
    const found = await findDifferences(document, emptyDocument, { ...document, _id: "fifth" });
    expect(found).toEqual([{ key: FIRST, column: null, what: "has several documents" }]);
  });

  test("a row's value is told only where values were asked for", async () => {
    const told = async (showsValues: boolean) => {
      const other = { ...document, drop_number: "a secret" };
      return JSON.stringify(await compare("nokia_exports", [other, emptyDocument], showsValues));
    };
    expect(await told(false)).not.toMatch(/secret|DR1/);
    expect(await told(true)).toMatch(/DR1.*secret/);
  });
});

describe("the ledger", () => {
  const entry = { m: ledgerNumber("nokia_exports"), k: FIRST, d: "first" };
  const other = { m: ledgerNumber("nokia_exports"), k: SECOND, d: "second" };

  test.each<[string, Document[], number, string]>([
    ["lacks an entry", [entry], 2, "no ledger entry names its document"],
    ["has one too much", [entry, other, { ...other, d: "third" }], 2, "names a document that does not exist"],
    ["names a document twice", [entry, other, other], 2, "two ledger entries name the document second"],
    ["names another's document", [entry, { ...other, k: FIRST }], 2, `names the document of ${SECOND}`],
    ["counts otherwise", [entry, other], 3, "3 rows are counted, and there are 2 documents"],
  ])("%s", async (_name, datahubSyncLedger, rows, what) => {
    const sides: Record<string, Document[]> = {
      nokia_exports: [document, emptyDocument],
      datahubSyncLedger,
      datahubSyncCounts: [{ table: "nokia_exports", rows }],
    };
    const { differences } = await withPinned(database.sql, async (sql) => {
      const described = await describeTable(sql, { relation: "nokia_exports", without: ["sync_timestamp"] });
      const tableDocuments = (name: string) => sides[name] as (Document & { _id: string })[];
      return compareTable(sql, described, { tableDocuments });
    });
    expect(differences.map((difference) => difference.what).join()).toContain(what);
  });
});
