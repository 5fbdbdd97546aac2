import { describe, expect, test } from "vitest";
import { mirrorNumber } from "../../convex/datahubSync/mirrorNumber.js";
import { useMirrors, type MirrorFixture, SMALL_PAGES } from "../support/mirror-fixture.js";

const open = useMirrors({ settings: SMALL_PAGES });

interface Key {
  keys: string;
  columns: string;
  primary: string;
  /** SQL of the key's values from an int `n`. */
  value: string;
  before?: string;
}

const LETTERS =
  "(ARRAY['a', 'B', 'ä', 'Z', 'z', '', ' ', ',', 'a,b', E'\\t', E'\\x01', E'\\x02', '😀', chr(57344), 'ß', '-'])[1 + n % 16]";

const KEYS: Key[] = [
  { keys: "integers below zero and above", columns: "id int", primary: "id", value: "(n - 20) * 37" },
  {
    keys: "big integers",
    columns: "id bigint",
    primary: "id",
    value: "(n - 20)::bigint * 50000000000000000",
  },
  { keys: "texts by bytes", columns: `id text COLLATE "C"`, primary: "id", value: `${LETTERS} || n` },
  {
    keys: "texts in the order of English",
    columns: `id text COLLATE "en-x-icu"`,
    primary: "id",
    value: `${LETTERS} || n`,
  },
  {
    keys: "texts of any language",
    columns: `id varchar(20) COLLATE "und-x-icu"`,
    primary: "id",
    value: `${LETTERS} || n`,
  },
  {
    keys: "texts without regard to case",
    before: "CREATE COLLATION $t_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    columns: "id text COLLATE $t_ci",
    primary: "id",
    value: "(CASE n % 2 WHEN 0 THEN 'key' ELSE 'KEY' END) || n",
  },
  {
    keys: "texts by bytes, indexed in the order of English",
    columns: `id text COLLATE "C" NOT NULL`,
    primary: `id COLLATE "en-x-icu"`,
    value: `${LETTERS} || n`,
  },
  { keys: "numerics", columns: "id numeric", primary: "id", value: "(n - 20) * 1.50" },
  { keys: "uuids", columns: "id uuid", primary: "id", value: "md5(n::text)::uuid" },
  { keys: "bytes", columns: "id bytea", primary: "id", value: "decode(lpad(to_hex(n * 77), 6, '0'), 'hex')" },
  { keys: "booleans and integers", columns: "p boolean, q int", primary: "p, q", value: "n % 2 = 0, n - 20" },
  {
    keys: "texts and integers",
    columns: `p text COLLATE "C", q int`,
    primary: "p, q",
    value: `${LETTERS}, n - 20`,
  },
  {
    keys: "integers and texts, which are indexed first",
    columns: `q int, p text COLLATE "C"`,
    primary: "p, q",
    value: `n - 20, ${LETTERS}`,
  },
  {
    keys: "texts in the order of English and integers",
    columns: `p text COLLATE "en-x-icu", q int`,
    primary: "p, q",
    value: `${LETTERS}, n - 20`,
  },
  {
    keys: "dates and texts",
    columns: `p date, q text COLLATE "C"`,
    primary: "p, q",
    value: `(ARRAY['infinity', '-infinity', '4713-01-01 BC', '0044-03-15 BC', '1969-12-31', '1970-01-01', '2026-11-26', '5874897-12-31'])[1 + n % 8]::date, ${LETTERS} || n`,
  },
  {
    keys: "dates and numerics",
    columns: `p date, q numeric`,
    primary: "p, q",
    value:
      "(ARRAY['infinity', '-infinity', '0044-03-15 BC', '2026-11-26'])[1 + n % 4]::date, (n - 20) * 0.10",
  },
  {
    keys: "times with a zone",
    columns: "id timestamptz",
    primary: "id",
    value:
      "CASE n WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN '0044-03-15 12:00:00.5 BC' ELSE '1970-01-01 00:00:00Z'::timestamptz + (n - 20) * interval '123456.789 s' END",
  },
  {
    keys: "times without one, and integers",
    columns: "p timestamp, q bigint",
    primary: "p, q",
    value:
      "CASE n % 3 WHEN 0 THEN 'infinity' ELSE '1969-12-31 23:59:59.999999'::timestamp + (n % 5) * interval '1 us' END, n - 20",
  },
  {
    keys: "labels of an enum",
    before: "CREATE TYPE $t_label AS ENUM ('z', 'a', 'm')",
    columns: "p $t_label, q int",
    primary: "p, q",
    value: "(ARRAY['z', 'a', 'm'])[1 + n % 3]::$t_label, n",
  },
  {
    keys: "intervals",
    columns: "id interval",
    primary: "id",
    value: "(n - 20) * interval '1 mon 2 days 03:04:05.6'",
  },
  {
    keys: "addresses",
    columns: "id inet",
    primary: "id",
    value: "('10.0.' || n || '.1/' || 8 + n % 25)::inet",
  },
];

async function loaded({ columns, primary, value, before = "" }: Key): Promise<MirrorFixture> {
  const collated = primary.includes("COLLATE");
  const mirror = await open({
    ddl: `${before}; CREATE TABLE $t (${columns}, n int, a text${collated ? "" : `, PRIMARY KEY (${primary})`});
          ${collated ? `CREATE UNIQUE INDEX ON $t (${primary})` : ""};
          INSERT INTO $t SELECT ${value}, n, 'row ' || n FROM generate_series(1, 40) n`,
    mirrors: [{ relation: "$t", ...(collated && { key: ["id"] }) }],
    settings: { pageRows: 3, maxInFlight: 2 },
  });
  await mirror.sync();
  return mirror;
}

/** Every document is its row, by what is no key; every entry of the ledger has its document. */
async function expectExact(mirror: MirrorFixture): Promise<void> {
  const rows = await mirror.run("SELECT n, a FROM $t ORDER BY n");
  const documents = mirror.documents().map(({ n, a }) => ({ n: n as number, a }));
  expect(documents.sort((left, right) => left.n - right.n)).toEqual(rows);
  const entries = [...mirror.deployment.tableDocuments("datahubSyncLedger")].filter(
    ({ m }) => m === mirrorNumber(mirror.table),
  );
  expect(entries.map(({ d }) => d as string).sort()).toEqual(
    mirror
      .documents()
      .map(({ _id }) => _id)
      .sort(),
  );
}

async function change(mirror: MirrorFixture, { columns, value }: Key): Promise<void> {
  const names = columns.split(", ").map((column) => column.split(" ")[0]!);
  await mirror.run(`INSERT INTO $t SELECT ${value}, n, 'new' FROM generate_series(41, 44) n;
                    UPDATE $t SET a = 'changed' WHERE n % 7 = 0 AND n <= 40;
                    DELETE FROM $t WHERE n % 10 = 3 AND n <= 40;
                    UPDATE $t SET (${names.join(", ")}, a) = (SELECT ${value}, 'other key' FROM (SELECT 105) m (n)) WHERE n = 5`);
}

describe.each(KEYS)("invariant 1: keys are $keys:", (key) => {
  test("a full run and a deep one find what was inserted, changed and deleted", async () => {
    const mirror = await loaded(key);
    await expectExact(mirror);
    await change(mirror, key);
    expect(await mirror.sync("full")).toMatchObject({ mode: "full", inserted: 5, updated: 5, deleted: 5 });
    await expectExact(mirror);
    await mirror.run("UPDATE $t SET a = 'again' WHERE n % 5 = 1; DELETE FROM $t WHERE n % 10 = 4");
    expect(await mirror.sync("deep")).toMatchObject({ mode: "deep", updated: 9, deleted: 5 });
    await expectExact(mirror);
    for (const mode of ["full", "deep", "delta"] as const) {
      expect(await mirror.sync(mode)).toMatchObject({ inserted: 0, updated: 0, deleted: 0, notices: [] });
    }
  });

  test("a delta does, and after a TRUNCATE the comparison writes nothing that is equal", async () => {
    const mirror = await loaded(key);
    await change(mirror, key);
    expect(await mirror.sync()).toMatchObject({ mode: "delta", inserted: 5, updated: 5, deleted: 5 });
    await expectExact(mirror);
    await mirror.run(
      "CREATE TEMPORARY TABLE kept AS SELECT * FROM $t; TRUNCATE $t; INSERT INTO $t SELECT * FROM kept WHERE n <> 8; DROP TABLE kept",
    );
    const cost = await mirror.cost(async () => {
      expect(await mirror.sync()).toMatchObject({ mode: "full", inserted: 0, updated: 0, deleted: 1 });
    });
    expect(cost.documentsWritten).toBe(1);
    await expectExact(mirror);
  });
});
