import type { Sql } from "postgres";
import { auditTable, auditTruncations, LAST_TRIGGER, noteShape } from "./audit.js";
import type { ChangeKind } from "./changes.js";
import { quoteName, quoteText } from "./oracle/mirrored-table.js";
import type { Making } from "./random-values.js";
import type { Stage } from "./stage.js";
import { boundsOf, createTable, ignoredByAll, isMirrored, type TortureTable } from "./tables.js";

interface Doing {
  stage: Stage;
  sql: Sql;
  table: TortureTable;
  making: Making;
}

interface ChangeOfTable {
  /** Whether tracking has to be mended by `migrate`: until then a run may refuse the table. */
  drifts: boolean;
  /** Whether documents get another hash, though their content may be the same. */
  reshapes: boolean;
  /** By what is there now: for one transaction. */
  statements: (doing: Doing) => string[] | Promise<string[]>;
}

export const CHANGES_OF_TABLES: Record<ChangeKind, ChangeOfTable> = {
  "a partition comes or goes": { drifts: true, reshapes: false, statements: comeOrGo },
  "tables are swapped": { drifts: true, reshapes: true, statements: swap },
  "a table is created again": { drifts: true, reshapes: false, statements: createAgain },
  "the last word is given": { drifts: false, reshapes: false, statements: giveLastWord },
  "the last word is taken": {
    ...{ drifts: false, reshapes: false },
    statements: ({ table }) => [
      `DROP TRIGGER IF EXISTS ${quoteName(LAST_TRIGGER)} ON ${quoteName(table.base)}`,
    ],
  },
  "a label is renamed": { drifts: false, reshapes: true, statements: renameLabel },
  "the other is forgotten": { drifts: false, reshapes: false, statements: forgetOther },
};

/** Rows of a table that nobody tracks, or not as this one's: some go, some change. */
function alter(name: string, table: TortureTable, making: Making): string[] {
  const column = making.random.pick(table.columns.filter(({ inKey }) => !inKey));
  const relation = quoteName(name);
  const some = (part: number) => `('x' || left(md5(ctid::text), 1))::bit(4)::int % 4 = ${part}`;
  return [
    `DELETE FROM ${relation} WHERE ${some(0)}`,
    `UPDATE ${relation} SET ${quoteName(column.name)} = ${quoteText(column.make(making))} WHERE ${some(1)}`,
  ];
}

async function comeOrGo({ stage, sql, table, making }: Doing): Promise<string[]> {
  if (table.partitions.length === 0) return [];
  const { random } = making;
  const base = quoteName(table.base);
  const number = random.integer(0, table.partitions.length - 1);
  const name = table.partitions[number]!;
  const part = quoteName(name);
  const aside = quoteName(`${name} aside`);
  const [found] = await sql<{ exists: boolean; attached: boolean }[]>`
    SELECT count(*) > 0 AS exists, coalesce(bool_or(relispartition), false) AS attached
      FROM pg_class WHERE relname = ${name}`;
  const { exists, attached } = found!;
  const attach = `ALTER TABLE ${base} ATTACH PARTITION ${part} ${boundsOf(table, number)}`;
  const mirrors = stage.mirrorsOf(table.base);
  const noted = mirrors.map(noteShape);
  if (!exists) {
    const created = `CREATE TABLE ${part} PARTITION OF ${base} ${boundsOf(table, number)}`;
    return [created, ...mirrors.map((mirror) => auditTruncations(mirror, name)), ...noted];
  }
  if (!attached) return [...alter(name, table, making), attach, ...noted];
  const detach = `ALTER TABLE ${base} DETACH PARTITION ${part}`;
  const kept = mirrors.map((mirror) => auditTruncations(mirror, name));
  switch (random.integer(0, 3)) {
    case 0:
      return [detach, ...noted];
    case 1:
      return [`DROP TABLE ${part}`, ...noted];
    case 2: // gone and back before anybody looks
      return [detach, ...alter(name, table, making), "COMMIT; BEGIN", attach, ...noted];
    default: // another one in its place
      return [
        `CREATE TABLE ${aside} (LIKE ${base})`,
        `INSERT INTO ${aside} SELECT * FROM ${part}`,
        ...alter(`${name} aside`, table, making),
        ...[detach, `DROP TABLE ${part}`, `ALTER TABLE ${aside} RENAME TO ${part}`, attach],
        ...[...kept, ...noted],
      ];
  }
}

/** The table and the one aside take each other's names. There and back again, the old one has missed nothing. */
async function swap({ stage, sql, table, making }: Doing): Promise<string[]> {
  const [base, aside, between] = ["", " aside", " between"].map((end) => quoteName(`${table.base}${end}`));
  const mirrors = stage.mirrorsOf(table.base);
  const found = await sql`SELECT FROM pg_class WHERE relname = ${`${table.base} aside`}`;
  const created =
    found.length > 0
      ? []
      : [
          `CREATE TABLE ${aside!} (LIKE ${base!} INCLUDING ALL)`,
          `INSERT INTO ${aside!} SELECT * FROM ${base!}`,
          ...alter(`${table.base} aside`, table, making),
        ];
  return [
    ...created,
    ...[`ALTER TABLE ${base!} RENAME TO ${between!}`, `ALTER TABLE ${aside!} RENAME TO ${base!}`],
    `ALTER TABLE ${between!} RENAME TO ${aside!}`,
    ...(found.length > 0 ? [] : mirrors.map((mirror) => audited({ ...mirror, partitions: [] }, mirrors))),
    ...mirrors.map(noteShape),
  ];
}

function createAgain({ stage, table, making }: Doing): string[] {
  const base = quoteName(table.base);
  const mirrors = stage.mirrorsOf(table.base);
  return [
    `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${base}`,
    ...alter("kept", table, making),
    `DROP TABLE ${base} CASCADE`,
    createTable(table),
    ...mirrors.map((mirror) => audited(mirror, mirrors)),
    `INSERT INTO ${base} SELECT * FROM pg_temp.kept ON CONFLICT DO NOTHING`,
    ...mirrors.map(noteShape),
  ];
}

function audited(mirror: TortureTable, mirrors: readonly TortureTable[]): string {
  return auditTable(mirror, ignoredByAll(mirrors));
}

/** A trigger that comes after all others, ours among them, and changes rows or lets them be. By the row's key. */
function giveLastWord({ table, making }: Doing): string[] {
  const { random } = making;
  const column = random.pick(
    table.columns.filter((any) => !any.inKey && isMirrored(any) && any.name !== "updated_at"),
  );
  const name = `NEW.${quoteName(column.name)}`;
  const word = quoteName(`last word on ${table.base}`);
  const base = quoteName(table.base);
  const does = random.pick([
    `${name} := NULL`,
    `${name} := ${quoteText(column.make(making))}`,
    `IF TG_OP = 'UPDATE' THEN ${name} := OLD.${quoteName(column.name)}; END IF`,
    "IF TG_OP = 'UPDATE' THEN RETURN OLD; END IF",
    "RETURN NULL",
  ]);
  const key = quoteName(table.key[0]!);
  return [
    `CREATE OR REPLACE FUNCTION ${word}() RETURNS trigger LANGUAGE plpgsql AS $word$
     BEGIN
       IF ('x' || left(md5(NEW.${key}::text), 1))::bit(4)::int < 6 THEN ${does}; END IF;
       RETURN NEW;
     END $word$`,
    `CREATE OR REPLACE TRIGGER ${quoteName(LAST_TRIGGER)} BEFORE INSERT OR UPDATE ON ${base}
       FOR EACH ROW EXECUTE FUNCTION ${word}()`,
  ];
}

/** There, or back. */
async function renameLabel({ stage, sql }: Doing): Promise<string[]> {
  const [found] = await sql<{ label: string }[]>`
    SELECT enumlabel AS label FROM pg_enum WHERE enumlabel IN ('sad', 'melancholy')`;
  const to = found!.label === "sad" ? "melancholy" : "sad";
  return [
    `ALTER TYPE mood RENAME VALUE '${found!.label}' TO '${to}'`,
    ...stage.targets.flatMap(({ tables }) => tables.map(noteShape)),
  ];
}

/** The other deployment has not run for longer than its changes are kept: its next run compares everything. */
function forgetOther({ stage }: Doing): string[] {
  const other = stage.targets[1];
  if (!other) return [];
  return [
    `UPDATE datahub_sync.mirrors SET watermark_at = watermark_at - interval '31 days',
            run_snapshot_at = run_snapshot_at - interval '31 days'
       FROM datahub_sync.targets WHERE targets.id = target_id AND url = ${quoteText(other.url)}`,
  ];
}
