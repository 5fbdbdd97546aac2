import type { Sql } from "postgres";
import { auditTable, auditTruncations, LAST_TRIGGER, noteShape } from "./audit.js";
import type { ChangeKind } from "./changes.js";
import { CHANGES_OF_SHAPE } from "./changes-of-shape.js";
import { quoteName, quoteText } from "../local/oracle/mirrored-table.js";
import type { Making } from "./random-values.js";
import { alter } from "./rows-unlogged.js";
import type { Setup } from "./setup.js";
import { boundsOf, createTable, ignoredByAll, isMirrored, type TortureTable } from "./tables.js";

export interface Doing {
  setup: Setup;
  sql: Sql;
  table: TortureTable;
  making: Making;
}

export interface ChangeOfTable {
  /** Whether documents get another hash, though their content may be the same. */
  reshapes: boolean;
  /** By what is there now: for one transaction. */
  statements: (doing: Doing) => string[] | Promise<string[]>;
}

export const CHANGES_OF_TABLES: Record<ChangeKind, ChangeOfTable> = {
  "a partition comes or goes": { reshapes: false, statements: comeOrGo },
  "tables are swapped": { reshapes: true, statements: swap },
  "a table is created again": { reshapes: false, statements: createAgain },
  "a last trigger is added": { reshapes: false, statements: addLastTrigger },
  "a last trigger is dropped": {
    reshapes: false,
    statements: ({ table }) => [
      `DROP TRIGGER IF EXISTS ${quoteName(LAST_TRIGGER)} ON ${quoteName(table.base)}`,
    ],
  },
  "a label is renamed": { reshapes: true, statements: renameLabel },
  "the other is forgotten": { reshapes: false, statements: forgetOther },
  ...CHANGES_OF_SHAPE,
};

async function comeOrGo({ setup, sql, table, making }: Doing): Promise<string[]> {
  if (table.partitions.length === 0) return [];
  const { random } = making;
  const base = quoteName(table.base);
  const number = random.integer(0, table.partitions.length - 1);
  const name = table.partitions[number]!;
  const part = quoteName(name);
  const aside = quoteName(`${name} aside`);
  const [found] = await sql<{ exists: boolean; attached: boolean; fits: boolean; partitioned: boolean }[]>`
    SELECT c.oid IS NOT NULL AS exists, coalesce(relispartition, false) AS attached,
           (SELECT relkind = 'p' FROM pg_class WHERE oid = ${base}::text::regclass)
           AND (c.oid IS NULL OR NOT relispartition OR EXISTS (
             SELECT FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = ${base}::text::regclass)) AS partitioned,
           NOT EXISTS (
             SELECT FROM (SELECT attname, atttypid, atttypmod FROM pg_attribute
                           WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS mine
               FULL JOIN (SELECT attname, atttypid, atttypmod FROM pg_attribute
                           WHERE attrelid = ${base}::text::regclass AND attnum > 0 AND NOT attisdropped) AS its
                   USING (attname, atttypid, atttypmod)
              WHERE mine IS NULL OR its IS NULL) AS fits
      FROM (VALUES (1)) AS one LEFT JOIN pg_class c ON relname = ${name}`;
  const { exists, attached, fits, partitioned } = found!;
  // It was swapped for a table without partitions.
  if (!partitioned) return [];
  const attach = `ALTER TABLE ${base} ATTACH PARTITION ${part} ${boundsOf(table, number)}`;
  const mirrors = setup.mirrorsOf(table.base);
  const noted = mirrors.map(noteShape);
  if (!exists || (!attached && !fits)) {
    const created = `DROP TABLE IF EXISTS ${part}; CREATE TABLE ${part} PARTITION OF ${base} ${boundsOf(table, number)}`;
    return [created, ...mirrors.map((mirror) => auditTruncations(mirror, name)), ...noted];
  }
  if (!attached) return [...alter(name, table, making), attach, ...noted];
  const detach = `ALTER TABLE ${base} DETACH PARTITION ${part}`;
  const kept = mirrors.map((mirror) => auditTruncations(mirror, name));
  const names = columnNames(table);
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
        `INSERT INTO ${aside} (${names}) SELECT ${names} FROM ${part}`,
        ...alter(`${name} aside`, table, making),
        detach,
        `DROP TABLE ${part}`,
        `ALTER TABLE ${aside} RENAME TO ${part}`,
        attach,
        ...kept,
        ...noted,
      ];
  }
}

/** The table and the one aside take each other's names. There and back again, the old one has missed nothing. */
async function swap({ setup, sql, table, making }: Doing): Promise<string[]> {
  const [base, aside, between] = ["", " aside", " between"].map((end) => quoteName(`${table.base}${end}`));
  const mirrors = setup.mirrorsOf(table.base);
  const found = await sql`SELECT FROM pg_class WHERE relname = ${`${table.base} aside`}`;
  if (table.filterColumn !== null && !(await isTrackedBelow(sql, table))) return [];
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
    `ALTER TABLE ${base!} RENAME TO ${between!}`,
    `ALTER TABLE ${aside!} RENAME TO ${base!}`,
    `ALTER TABLE ${between!} RENAME TO ${aside!}`,
    ...(found.length > 0 ? [] : mirrors.map((mirror) => audited({ ...mirror, partitions: [] }, mirrors))),
    ...mirrors.map(noteShape),
  ];
}

/**
 * A view goes along with its table, whatever that is called. One that nobody has tracked yet would then have a name that
 * nobody knows: to track it is for its owner to say.
 */
async function isTrackedBelow(sql: Sql, { relation }: TortureTable): Promise<boolean> {
  const found = await sql`
    SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
      JOIN datahub_sync.tracked_tables t ON t.relation_oid = d.refobjid
     WHERE r.ev_class = ${quoteName(relation)}::text::regclass`;
  return found.length > 0;
}

function createAgain({ setup, table, making }: Doing): string[] {
  const base = quoteName(table.base);
  const names = columnNames(table);
  const mirrors = setup.mirrorsOf(table.base);
  return [
    `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${base}`,
    ...alter("kept", table, making),
    `DROP TABLE ${base} CASCADE`,
    // Those that were not its partitions just then.
    ...table.partitions.map((name) => `DROP TABLE IF EXISTS ${quoteName(name)}`),
    createTable(table),
    ...mirrors.map((mirror) => audited(mirror, mirrors)),
    `INSERT INTO ${base} (${names}) SELECT ${names} FROM pg_temp.kept ON CONFLICT DO NOTHING`,
    ...mirrors.map(noteShape),
  ];
}

function columnNames({ columns }: TortureTable): string {
  return columns.map(({ name }) => quoteName(name)).join(", ");
}

function audited(mirror: TortureTable, mirrors: readonly TortureTable[]): string {
  return auditTable(mirror, ignoredByAll(mirrors));
}

/** A trigger that comes after all others, ours among them, and changes rows or lets them be. By the row's key. */
function addLastTrigger({ table, making }: Doing): string[] {
  const { random } = making;
  const column = random.pick(
    table.columns.filter((any) => !any.inKey && isMirrored(any) && any.name !== "updated_at"),
  );
  const name = `NEW.${quoteName(column.name)}`;
  const called = quoteName(`last trigger on ${table.base}`);
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
    `CREATE OR REPLACE FUNCTION ${called}() RETURNS trigger LANGUAGE plpgsql AS $body$
     BEGIN
       IF ('x' || left(md5(NEW.${key}::text), 1))::bit(4)::int < 6 THEN ${does}; END IF;
       RETURN NEW;
     END $body$`,
    `CREATE OR REPLACE TRIGGER ${quoteName(LAST_TRIGGER)} BEFORE INSERT OR UPDATE ON ${base}
       FOR EACH ROW EXECUTE FUNCTION ${called}()`,
  ];
}

/** There, or back. */
async function renameLabel({ setup, sql }: Doing): Promise<string[]> {
  const [found] = await sql<{ label: string }[]>`
    SELECT enumlabel AS label FROM pg_enum WHERE enumlabel IN ('sad', 'melancholy')`;
  const to = found!.label === "sad" ? "melancholy" : "sad";
  return [
    `ALTER TYPE mood RENAME VALUE '${found!.label}' TO '${to}'`,
    ...setup.targets.flatMap(({ tables }) => tables.map(noteShape)),
  ];
}

/** The other deployment has not run for longer than its changes are kept: its next run compares everything. */
function forgetOther({ setup }: Doing): string[] {
  const other = setup.targets[1];
  if (!other) return [];
  return [
    `UPDATE datahub_sync.mirrors SET watermark_at = watermark_at - interval '31 days',
            run_snapshot_at = run_snapshot_at - interval '31 days'
       FROM datahub_sync.targets WHERE targets.id = target_id AND url = ${quoteText(other.url)}`,
  ];
}
