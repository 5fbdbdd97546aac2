import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { quoteIdentifier } from "../../src/postgres/identifier.js";
import { fitsKey, showKey, splitKey } from "../../src/source/key-text.js";
import type { MirrorSource } from "../../src/model/mirror-source.js";
import { TableReader } from "../../src/source/table-reader.js";
import { inspect, mirrorConfig } from "../support/open-reader.js";
import { ALL_POSTGRES_VERSIONS } from "../support/postgres.js";
import { useTable } from "../support/table-fixture.js";
import { logEntries, track } from "../support/tracked-table.js";

/** A type whose keys sort by their bytes, and random values of it. */
interface KeyType {
  type: string;
  values: fc.Arbitrary<string>;
  /** SQL of the type's value for the text `x`. */
  value: (x: string) => string;
}

const cast = (type: string) => (x: string) => `${x}::${type}`;
const whole = (type: string, min: bigint, max: bigint): KeyType => ({
  type,
  // Of each length, and the ends of the range.
  values: fc
    .oneof(
      fc.bigInt({ min, max }),
      fc.bigInt({ min: min < 0n ? -1200n : 0n, max: 1200n }),
      fc.constantFrom(min, max, min + 1n, max - 1n),
    )
    .map(String),
  value: cast(type),
});

/** Postgres goes from 4713 BC (the Julian day 0) on; `last` in days since 1970. */
const days = (last: number) =>
  fc.oneof(
    fc.integer({ min: -2_440_588, max: last }),
    fc.integer({ min: -1_000_000, max: 50_000 }),
    fc.constantFrom(-2_440_588, last, -719_163, -719_162, -719_528, 0, -1, 11_016),
  );
const infinite = fc.constantFrom("infinity", "-infinity");
const date: KeyType = {
  type: "date",
  values: fc.oneof({ weight: 9, arbitrary: days(2_145_031_948).map(String) }, infinite),
  value: (x) => `CASE WHEN ${x} ~ 'inf' THEN ${x}::date ELSE '1970-01-01'::date + (${x} || ' ')::int END`,
};
/** Texts of a day and a microsecond of it: an interval of more microseconds than a double holds would be rounded. */
const moment = (type: string): KeyType => ({
  type,
  values: fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(
          days(106_762_939),
          fc.oneof(fc.integer({ min: 0, max: 86_399_999_999 }), fc.constantFrom(0, 1, 250_000)),
        )
        .map((parts) => parts.join(" ")),
    },
    infinite,
  ),
  value: (x) =>
    `CASE WHEN ${x} ~ 'inf' THEN ${x}::${type} ELSE ('1970-01-01'::timestamp
       + make_interval(days => split_part(${x} || ' ', ' ', 1)::int)
       + interval '1 microsecond' * split_part(${x} || ' ', ' ', 2)::bigint) ${type === "timestamptz" ? "AT TIME ZONE 'UTC'" : ""} END`,
});

const letters = fc.string({
  maxLength: 6,
  unit: fc.oneof(
    fc.constantFrom(
      "\u0001",
      "\u0002",
      "\u0003",
      ",",
      "\\",
      '"',
      "(",
      " ",
      "\v",
      "\u00a0",
      "\u2028",
      "a",
      "A",
      "!",
      "é",
      "\ue000",
      "😀",
    ),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }).filter((letter) => !letter.includes("\0")),
  ),
});
const ofText = (type: string, values = letters): KeyType => ({
  type,
  values,
  value: cast(type.split(" ")[0]!),
});

const TYPES: KeyType[] = [
  whole("int2", -32_768n, 32_767n),
  whole("int4", -2_147_483_648n, 2_147_483_647n),
  whole("int8", -9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n),
  whole("oid", 0n, 4_294_967_295n),
  date,
  moment("timestamp"),
  moment("timestamptz"),
  ofText('text COLLATE "C"'),
  ofText('varchar COLLATE "C"'),
  ofText("written"),
  {
    type: "bytea",
    values: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString("hex")),
    value: (x) => `decode(${x}, 'hex')`,
  },
  { type: "bool", values: fc.boolean().map(String), value: cast("bool") },
  { type: "uuid", values: fc.uuid(), value: cast("uuid") },
];

describe.each(ALL_POSTGRES_VERSIONS)("key texts (Postgres %i)", (version) => {
  const table = useTable({ version });
  let made = 0;
  beforeAll(async () => {
    await table.run(`CREATE DOMAIN written AS text COLLATE "C" CHECK (VALUE <> 'never written')`);
  });
  beforeEach(() => {
    made = 0;
  });

  /** A tracked table with this key and these rows, and its mirror. */
  async function make(types: KeyType[], rows: string[][]): Promise<MirrorSource> {
    const name = `${table.name}_${++made}`;
    const columns = types.map(({ type }, index) => `k${index} ${type}`).join(", ");
    const key = types.map((_, index) => `k${index}`);
    await table.run(`CREATE TABLE ${name} (${columns}, PRIMARY KEY (${key.join(", ")}))`);
    await track(table.sql, name);
    await table.sql.unsafe(
      `INSERT INTO ${name} SELECT ${types.map(({ value }, index) => value(`x.x${index}`)).join(", ")}
         FROM unnest(${types.map((_, index) => `$${index + 1}::text[]`).join(", ")}) x (${types.map((_, index) => `x${index}`).join(", ")})
       ON CONFLICT DO NOTHING`,
      types.map((_, index) => rows.map((row) => row[index]!)),
    );
    return inspect(table.database, mirrorConfig(name));
  }

  /** What has to hold of the keys of any table that has an order of bytes. */
  async function check(source: MirrorSource): Promise<void> {
    expect(source.keyOrder).toBe("bytes");
    const kinds = source.keyColumns.map(({ kind }) => kind);
    const columns = source.keyColumns.map(({ name }) => `r.${quoteIdentifier(name)}`);
    const rows = await table.sql.begin(async (tx) => {
      await tx.unsafe("SELECT datahub_sync.pin_output()");
      return tx.unsafe<{ key: string; parts: string[]; shown: string }[]>(
        `SELECT ${source.keyExpression} AS key, ARRAY[${columns.map((column) => `${column}::text`).join(", ")}] AS parts,
                ${columns.length === 1 ? `${columns[0]}::text` : `ROW(${columns.join(", ")})::text`} AS shown
           FROM ${source.relation.name} r ORDER BY ${columns.join(", ")}`,
      );
    });
    const keys = rows.map(({ key }) => key);
    for (const { key, parts, shown } of rows) {
      expect(fitsKey(key, kinds)).toBe(true);
      expect(splitKey(key, kinds)).toEqual(parts);
      // A row prints a boolean as one letter.
      if (columns.length === 1 || !source.keyColumns.some(({ typeSql }) => typeSql.includes("bool")))
        expect(showKey(key, kinds)).toBe(shown);
    }
    // Strictly ascending: no two have the same text, and bytes sort as ORDER BY does.
    for (let at = 1; at < keys.length; at++) {
      const order = Buffer.compare(Buffer.from(keys[at - 1]!), Buffer.from(keys[at]!));
      expect([keys[at - 1], keys[at], order]).toEqual([keys[at - 1], keys[at], -1]);
    }
    // The triggers write the same texts, and each text finds its row again.
    const logged = await logEntries(table.sql, source.relation.name);
    expect(logged.map(({ key }) => key).sort()).toEqual([...keys].sort());
    const reader = new TableReader(table.database, source);
    expect(await reader.existing(keys)).toEqual(new Set(keys));
    expect((await reader.rows(keys, 1e9)).rows.map(({ key }) => key).sort()).toEqual([...keys].sort());
    const paged: string[] = [];
    for (let page: { key: string }[] = [{ key: "" }]; page.length > 0;) {
      page = await reader.keyHashes(paged.at(-1) ?? null, 7);
      paged.push(...page.map(({ key }) => key));
    }
    expect(paged).toEqual(keys);
  }

  test.each(TYPES)("of $type sort as the values do, and say which they are", async (type) => {
    await fc.assert(
      fc.asyncProperty(fc.array(type.values, { minLength: 1, maxLength: 60 }), async (values) => {
        await check(
          await make(
            [type],
            values.map((value) => [value]),
          ),
        );
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });

  test("of several columns of any of these types do, too", async () => {
    const keys = fc.array(fc.constantFrom(...TYPES), { minLength: 2, maxLength: 4 }).chain((types) =>
      fc.record({
        types: fc.constant(types),
        // Few values for each column, so that the later ones decide.
        pools: fc.tuple(...types.map(({ values }) => fc.array(values, { minLength: 3, maxLength: 4 }))),
        picks: fc.array(fc.array(fc.nat(2), { minLength: types.length, maxLength: types.length }), {
          minLength: 5,
          maxLength: 40,
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(keys, async ({ types, pools, picks }) => {
        await check(
          await make(
            types,
            picks.map((pick) => pick.map((place, column) => pools[column]![place]!)),
          ),
        );
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  test("the order of a key is that of its texts where its types and collations are of bytes", async () => {
    await table.run(
      "CREATE DOMAIN $t_id AS uuid; CREATE DOMAIN $t_key AS $t_id; CREATE TYPE $t_mood AS ENUM ('b', 'a')",
    );
    const order = async (columns: string, key: string[] | null = null) => {
      await table.run(`CREATE TABLE $t (${columns})`);
      const { keyOrder } = await inspect(table.database, mirrorConfig(table.name, { key }));
      await table.run("DROP TABLE $t");
      return keyOrder;
    };
    for (const type of [
      "uuid",
      "$t_id",
      "$t_key",
      "int8",
      "date",
      "bytea",
      "bool",
      "name",
      'text COLLATE "POSIX"',
    ]) {
      expect([type, await order(`id ${type} PRIMARY KEY`)]).toEqual([type, "bytes"]);
    }
    for (const type of [
      "numeric",
      "float8",
      "$t_mood",
      "inet",
      "time",
      "interval",
      "bit(3)",
      'text COLLATE "en-x-icu"',
    ]) {
      expect([type, await order(`id ${type} PRIMARY KEY`)]).toEqual([type, "index"]);
    }
    expect(await order("p uuid, q uuid, PRIMARY KEY (p, q)")).toBe("bytes");
    expect(await order("p uuid, q numeric, PRIMARY KEY (p, q)")).toBe("index");
    const language = 'id text COLLATE "en-x-icu" NOT NULL';
    expect(await order(`${language}); CREATE UNIQUE INDEX ON $t (id COLLATE "C"`, ["id"])).toBe("bytes");
    if (version >= 17) expect(await order("id text COLLATE pg_c_utf8 PRIMARY KEY")).toBe("bytes");
  });
});
