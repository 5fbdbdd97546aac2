import type { Random } from "../local/data/random.js";
import { writeExtra } from "./extra-columns.js";
import type { Making } from "./random-values.js";
import { quoteName, quoteText } from "../local/oracle/mirrored-table.js";
import { unmirrorableJson } from "./random-json.js";
import type { TortureTable } from "./tables.js";

/** SQL to run, or rows to COPY. */
export type Operation = { sql: string } | { copyInto: string; lines: string };

type MakeOperation = (table: TortureTable, making: Making) => Operation[];

/** What writers do to a table, with how often. */
const OPERATIONS: readonly [number, MakeOperation][] = [
  [20, insert],
  [4, copy],
  [14, update],
  [4, rewriteAll],
  [5, changeKeys],
  [9, deleteSome],
  [6, upsert],
  [1, makeUnmirrorable],
  [1, touch],
  [4, writeExtras],
];

/** With temporary tables: the commit that drops one waits for the disk, whatever its synchronous_commit. */
const WITH_TEMPORARY: readonly [number, MakeOperation][] = [
  [3, thereAndBack],
  [2, deleteAndRestore],
];

/** Only in some seeds: they make the next run a full one, which would hide what a delta has missed. */
const TRUNCATIONS: readonly [number, MakeOperation][] = [
  [1, truncate],
  [1, truncateAndReload],
];

export function randomOperation(
  table: TortureTable,
  making: Making,
  { truncates, asynchronous }: { truncates: boolean; asynchronous: boolean },
): Operation[] {
  const operations = [
    ...OPERATIONS,
    ...(asynchronous ? [] : WITH_TEMPORARY),
    ...(truncates ? TRUNCATIONS : []),
  ];
  let draw = making.random.integer(
    1,
    operations.reduce((sum, [weight]) => sum + weight, 0),
  );
  for (const [weight, make] of operations) {
    draw -= weight;
    if (draw <= 0) return make(table, making);
  }
  return [];
}

export function insertRows(table: TortureTable, making: Making, count: number): Operation[] {
  const rows = Array.from({ length: count }, () => `(${makeRow(table, making).map(quoteText).join(", ")})`);
  const columns = table.columns.map(({ name }) => quoteName(name)).join(", ");
  return [
    {
      sql: `INSERT INTO ${quoteName(table.base)} (${columns}) VALUES ${rows.join(", ")} ON CONFLICT DO NOTHING`,
    },
  ];
}

function insert(table: TortureTable, making: Making): Operation[] {
  return insertRows(table, making, making.random.integer(1, 6));
}

/** Whoever has one of the keys makes room first: the driver never tells of a COPY that fails at its end. */
function copy(table: TortureTable, making: Making): Operation[] {
  const escape = (text: string | null) =>
    text === null
      ? "\\N"
      : text.replace(/[\\\n\r\t]/g, (c) => ({ "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" })[c]!);
  const rows = Array.from({ length: making.random.integer(1, 3) }, () => makeRow(table, making));
  const relation = quoteName(table.base);
  const columns = table.columns.map(({ name }) => quoteName(name)).join(", ");
  return rows.flatMap((row) => {
    const isKey = table.columns.flatMap(({ name, inKey, sqlType }, i) =>
      inKey ? [`${quoteName(name)} = ${quoteText(row[i]!)}::${sqlType}`] : [],
    );
    return [
      { sql: `DELETE FROM ${relation} WHERE ${isKey.join(" AND ")}` },
      { copyInto: `${relation} (${columns})`, lines: `${row.map(escape).join("\t")}\n` },
    ];
  });
}

function update(table: TortureTable, making: Making): Operation[] {
  const { random } = making;
  const columns = table.columns.filter(({ inKey }) => !inKey);
  const chosen = columns.filter(() => random.chance(0.4));
  const set = (chosen.length > 0 ? chosen : [random.pick(columns)]).map(
    (column) => `${quoteName(column.name)} = ${quoteText(random.chance(0.15) ? null : column.make(making))}`,
  );
  return [{ sql: `UPDATE ${quoteName(table.base)} SET ${set.join(", ")} WHERE ${someRows(table, random)}` }];
}

/** Every row, with the values that it has: what the owner's job does. */
function rewriteAll(table: TortureTable, { random }: Making): Operation[] {
  const set = table.columns.map(({ name, inKey }) => {
    if (name === "updated_at") return "updated_at = now()";
    return `${quoteName(name)} = ${inKey || random.chance(0.5) ? "" : "t."}${quoteName(name)}`;
  });
  return [{ sql: `UPDATE ${quoteName(table.base)} t SET ${set.join(", ")}` }];
}

/** The timestamp alone: no change of content. */
function touch(table: TortureTable): Operation[] {
  return table.columns.some(({ name }) => name === "updated_at")
    ? [{ sql: `UPDATE ${quoteName(table.base)} SET updated_at = clock_timestamp()` }]
    : [];
}

function writeExtras(table: TortureTable, { random }: Making): Operation[] {
  return [{ sql: writeExtra(table, random, someRows(table, random)) }];
}

function thereAndBack(table: TortureTable, making: Making): Operation[] {
  const column = making.random.pick(table.columns.filter(({ inKey }) => !inKey));
  const name = quoteName(column.name);
  const relation = quoteName(table.base);
  return [
    { sql: "DROP TABLE IF EXISTS pg_temp.kept" },
    {
      sql: `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${relation} WHERE ${someRows(table, making.random)}`,
    },
    {
      sql: `UPDATE ${relation} t SET ${name} = ${quoteText(column.make(making))} FROM pg_temp.kept WHERE ${sameKey(table)}`,
    },
    { sql: `UPDATE ${relation} t SET ${name} = kept.${name} FROM pg_temp.kept WHERE ${sameKey(table)}` },
  ];
}

function changeKeys(table: TortureTable, making: Making): Operation[] {
  const { random } = making;
  const column = random.pick(table.columns.filter(({ inKey }) => inKey));
  const relation = quoteName(table.base);
  const row = someRows(table, random, 1);
  return [
    {
      sql: `UPDATE ${relation} SET ${quoteName(column.name)} = ${quoteText(column.make(making))} WHERE ${row}`,
    },
  ];
}

function deleteSome(table: TortureTable, { random }: Making): Operation[] {
  const count = random.chance(0.05) ? 60 : random.integer(1, 6);
  return [{ sql: `DELETE FROM ${quoteName(table.base)} WHERE ${someRows(table, random, count)}` }];
}

/** Keys that are there, with new values or their own. */
function upsert(table: TortureTable, making: Making): Operation[] {
  const { random } = making;
  const relation = quoteName(table.base);
  const names = table.columns.map(({ name }) => quoteName(name));
  const values = table.columns.map((column) =>
    column.inKey || random.chance(0.6)
      ? quoteName(column.name)
      : `${quoteText(column.make(making))}::${column.sqlType}`,
  );
  const set = table.columns
    .filter(({ inKey }) => !inKey)
    .map(({ name }) => `${quoteName(name)} = excluded.${quoteName(name)}`);
  const key = table.key.map(quoteName).join(", ");
  // Once: a table that inherits may show a row of the same key.
  return [
    {
      sql: `INSERT INTO ${relation} (${names.join(", ")})
            SELECT DISTINCT ON (${key}) ${values.join(", ")} FROM ${relation} WHERE ${someRows(table, random)}
            ON CONFLICT (${key}) DO UPDATE SET ${set.join(", ")}`,
    },
  ];
}

function deleteAndRestore(table: TortureTable, { random }: Making): Operation[] {
  const relation = quoteName(table.base);
  return [
    { sql: "DROP TABLE IF EXISTS pg_temp.kept" },
    {
      sql: `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${relation} WHERE ${someRows(table, random)}`,
    },
    { sql: `DELETE FROM ${relation} t USING pg_temp.kept WHERE ${sameKey(table)}` },
    { sql: `INSERT INTO ${relation} SELECT * FROM pg_temp.kept ON CONFLICT DO NOTHING` },
  ];
}

/** The whole, or one of its partitions. */
function truncate(table: TortureTable, making: Making): Operation[] {
  const target = making.random.pick([table.base, ...table.partitions]);
  return [{ sql: `TRUNCATE ${quoteName(target)}` }, ...insertRows(table, making, 20)];
}

function truncateAndReload(table: TortureTable): Operation[] {
  const relation = quoteName(table.base);
  return [
    { sql: "DROP TABLE IF EXISTS pg_temp.kept" },
    { sql: `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${relation}` },
    { sql: `TRUNCATE ${relation}` },
    { sql: `INSERT INTO ${relation} SELECT * FROM pg_temp.kept` },
  ];
}

/** Makes a row one that no document holds. */
function makeUnmirrorable(table: TortureTable, making: Making): Operation[] {
  if (table.badColumn === null) return [];
  const value = quoteText(unmirrorableJson(making.random, making.planted));
  return [
    {
      sql: `UPDATE ${quoteName(table.base)} SET ${quoteName(table.badColumn)} = ${value}
             WHERE ${someRows(table, making.random, 1)}`,
    },
  ];
}

function makeRow(table: TortureTable, making: Making): (string | null)[] {
  return table.columns.map((column) =>
    !column.inKey && making.random.chance(0.15) ? null : column.make(making),
  );
}

/** A few rows, chosen by a number of the seed's: the same for the same rows in the same places. */
function someRows({ base }: TortureTable, random: Random, count = random.integer(1, 6)): string {
  const rows = `SELECT ctid FROM ${quoteName(base)} ORDER BY md5(ctid::text || '${random.integer(0, 1e9)}')`;
  return `ctid IN (${rows} LIMIT ${count})`;
}

function sameKey({ key }: TortureTable): string {
  return key.map((name) => `t.${quoteName(name)} = kept.${quoteName(name)}`).join(" AND ");
}
