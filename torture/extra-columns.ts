import type { Sql } from "postgres";
import { v } from "convex/values";
import type { Random } from "../local/data/random.js";
import type { Reading } from "../local/oracle/value-reading.js";
import { quoteName, quoteText, type MirroredTable } from "../local/oracle/mirrored-table.js";
import { asMirrored, type TortureTable } from "./tables.js";

/** Columns that come and go while everybody writes. The first ones have fields from the beginning. */
export const EXTRA_COLUMNS = ["extra_0", "extra_1", "extra_2"] as const;
const DEPLOYED = EXTRA_COLUMNS.slice(0, 2);

/** Any type that they may have takes any of their values. */
const TYPES: Readonly<Record<string, Reading>> = {
  text: "string",
  integer: "decimal",
  bigint: "int64",
  numeric: "string",
  jsonb: "jsonb",
  "character varying(20)": "string",
};
const makeValue = (random: Random) => quoteText(String(random.integer(0, 99_999)));

/** @param all whether also the fields that are deployed late */
export function extraFields({ all }: { all: boolean }) {
  return (all ? EXTRA_COLUMNS : DEPLOYED).map((field) => ({ field, validator: v.any() }));
}

interface ExtraColumn {
  name: string;
  sqlType: string;
}

async function readExtras(sql: Sql, table: string): Promise<ExtraColumn[]> {
  return sql.unsafe<ExtraColumn[]>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS "sqlType" FROM pg_attribute
      WHERE attrelid = ${quoteText(quoteName(table))}::regclass AND attname ~ '^extra_[0-9]$' AND NOT attisdropped`,
  );
}

/** What has to be in the documents by now: a view shows none of the columns that came after it. */
export async function asMirroredNow(sql: Sql, table: TortureTable): Promise<MirroredTable> {
  const mirrored = asMirrored(table);
  if (table.filterColumn !== null) return mirrored;
  const extras = (await readExtras(sql, table.base)).map(({ name, sqlType }) => ({
    name,
    field: name,
    sqlType,
    reading: TYPES[sqlType]!,
  }));
  return { ...mirrored, columns: [...mirrored.columns, ...extras] };
}

/** One is added, dropped, renamed or retyped. */
export async function changeExtras(sql: Sql, table: TortureTable, random: Random): Promise<string[]> {
  const alter = `ALTER TABLE ${quoteName(table.base)}`;
  const there = await readExtras(sql, table.base);
  const free = await freeNames(sql, there);
  const drop = there.length > 0 ? random.pick(there).name : null;
  const type = random.pick(Object.keys(TYPES));
  switch (random.pick(["add", "add", "drop", "rename", "retype"] as const)) {
    case "drop":
      return drop === null ? [] : [`${alter} DROP COLUMN ${drop}`];
    case "rename":
      return drop === null || free.length === 0
        ? []
        : [`${alter} RENAME COLUMN ${drop} TO ${random.pick(free)}`];
    case "retype": // its default may be of a type that the new one is not made of
      return drop === null
        ? []
        : [
            `${alter} ALTER COLUMN ${drop} DROP DEFAULT, ALTER COLUMN ${drop} TYPE ${type} USING ${drop}::text::${type}`,
          ];
    case "add": {
      if (free.length === 0) return [];
      const value = random.chance(0.5) ? ` DEFAULT ${makeValue(random)}` : "";
      return [`${alter} ADD COLUMN ${random.pick(free)} ${type}${value}`];
    }
  }
}

/** A column without a field stops a mirror that has never been loaded, rightly: it would be loaded twice. */
async function freeNames(sql: Sql, there: readonly ExtraColumn[]): Promise<string[]> {
  const [loaded] = await sql<{ all: boolean }[]>`
    SELECT count(*) > 0 AND bool_and(watermark IS NOT NULL)
           AND count(DISTINCT target_id) = (SELECT count(*) FROM datahub_sync.targets) AS all FROM datahub_sync.mirrors`;
  const names: readonly string[] = loaded!.all ? EXTRA_COLUMNS : DEPLOYED;
  return names.filter((name) => there.every((extra) => extra.name !== name));
}

/** Writes one of them, if it is there. */
export function writeExtra({ base }: TortureTable, random: Random, where: string): string {
  const name = random.pick(EXTRA_COLUMNS);
  const update = `UPDATE ${quoteName(base)} SET ${name} = ${makeValue(random)} WHERE ${where}`;
  return `DO $extra$ BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${quoteText(quoteName(base))}::regclass
                AND attname = '${name}' AND NOT attisdropped) THEN
      EXECUTE ${quoteText(update)};
    END IF;
  END $extra$`;
}
