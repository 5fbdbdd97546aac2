import { auditTable, keepAuditing, noteShape } from "./audit.js";
import type { ChangeOfTable, Doing } from "./changes-of-tables.js";
import { changeExtras } from "./extra-columns.js";
import { insertRows } from "./operations.js";
import { quoteName } from "../local/oracle/mirrored-table.js";
import { alter } from "./rows-unlogged.js";
import { ignoredByAll } from "./tables.js";

/**
 * What an owner does to a table, or to what we added to it, without a thought of us. No run may stand still over it, and
 * none of it may fail.
 */
export const CHANGES_OF_SHAPE = {
  "an extra column comes or goes": { reshapes: true, statements: changeColumn },
  "a column is made anew": { reshapes: true, statements: makeColumnAnew },
  "triggers are switched": { reshapes: true, statements: switchTriggers },
  "data is restored": { reshapes: true, statements: restoreData },
  "a child inherits": { reshapes: true, statements: inherit },
  "a loaded table takes its place": { reshapes: true, statements: replaceLoaded },
} as const satisfies Record<string, ChangeOfTable>;

/** A run may have sent rows of one shape under the name of the other: they go once more. */
function noteTwice({ setup, table }: Doing): string[] {
  const noted = setup.mirrorsOf(table.base).map(noteShape);
  return [...noted, ...noted];
}

async function changeColumn(doing: Doing): Promise<string[]> {
  const lines = await changeExtras(doing.sql, doing.table, doing.making.random);
  return lines.length === 0 ? [] : [...lines, ...noteTwice(doing)];
}

/** Dropped and added again: the last one then, and without its values. Or rewritten where it is. */
function makeColumnAnew(doing: Doing): string[] {
  const { table, making } = doing;
  // The view would go along.
  if (table.filterColumn !== null) return [];
  const column = making.random.pick(table.columns.filter((any) => !any.inKey && any.name !== "updated_at"));
  const name = quoteName(column.name);
  const some = `CASE WHEN ${name}::text < 'M' THEN ${name} END`;
  const how = making.random.pick([
    `DROP COLUMN ${name}, ADD COLUMN ${name} ${column.sqlType}`,
    `ALTER COLUMN ${name} TYPE ${column.sqlType} USING ${some}`,
  ]);
  return [`ALTER TABLE ${quoteName(table.base)} ${how}`, ...noteTwice(doing)];
}

/** Ours are known by their names. */
async function switchTriggers(doing: Doing): Promise<string[]> {
  const { sql, table, making } = doing;
  const { random } = making;
  const ours = await sql<{ name: string; function: string }[]>`
    SELECT tgname AS name, format('%I.%I()', p.pronamespace::regnamespace, p.proname) AS function
      FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
     WHERE tgrelid = ${quoteName(table.base)}::text::regclass AND starts_with(tgname, 'zzz_datahub_sync_') ORDER BY 1`;
  const base = quoteName(table.base);
  const all = [
    `ALTER TABLE ${base} ${random.pick(["DISABLE", "ENABLE", "ENABLE"])} TRIGGER ALL`,
    ...keepAuditing(doing.setup.mirrorsOf(table.base), base),
  ];
  const one = ours.length > 0 ? random.pick(ours) : null;
  const trigger = one && quoteName(one.name);
  // All tables share the function of TRUNCATE, which is no table's own to drop.
  const own = ours.filter((any) => !any.function.includes("note_truncate"));
  const lines = random.pick([
    all,
    [`ALTER TABLE ${base} DISABLE TRIGGER ${trigger}`],
    [`ALTER TABLE ${base} ENABLE REPLICA TRIGGER ${trigger}`],
    [`ALTER TABLE ${base} ENABLE TRIGGER ${trigger}`],
    [`DROP TRIGGER ${trigger} ON ${base}`],
    own.length > 0 ? [`DROP FUNCTION ${random.pick(own).function} CASCADE`] : all,
  ]);
  return [...(one === null ? all : lines), ...noteTwice(doing)];
}

/** As pg_restore --disable-triggers does, within one transaction or several. */
function restoreData(doing: Doing): string[] {
  const { setup, table, making } = doing;
  const base = quoteName(table.base);
  const audits = keepAuditing(setup.mirrorsOf(table.base), base);
  const rows = insertRows(table, making, 5).map((operation) => ("sql" in operation ? operation.sql : ""));
  const pause = making.random.chance(0.5) ? ["COMMIT; BEGIN"] : [];
  return [
    `ALTER TABLE ${base} DISABLE TRIGGER ALL`,
    ...audits,
    ...pause,
    ...alter(table.base, table, making),
    ...rows,
    ...pause,
    `ALTER TABLE ${base} ENABLE TRIGGER ALL`,
    ...audits,
    ...noteTwice(doing),
  ];
}

/** A child shows its rows through its parent, until it is let go again: a run refuses the table meanwhile. */
async function inherit(doing: Doing): Promise<string[]> {
  const { sql, table } = doing;
  const [child, base] = [quoteName(`child of ${table.base}`), quoteName(table.base)];
  const [found] = await sql<{ child: boolean; plain: boolean }[]>`
    SELECT to_regclass(${child}) IS NOT NULL AS child,
           EXISTS (SELECT FROM pg_class WHERE oid = ${base}::text::regclass AND relkind = 'r') AS plain`;
  if (found!.child) {
    const how = doing.making.random.chance(0.5) ? [`ALTER TABLE ${child} NO INHERIT ${base}`] : [];
    const [isHeir] = await sql`
      SELECT FROM pg_inherits WHERE inhrelid = to_regclass(${child}) AND inhparent = ${base}::text::regclass`;
    return [...(isHeir ? how : []), `DROP TABLE ${child}`, ...noteTwice(doing)];
  }
  if (!found!.plain) return [];
  return [
    `CREATE TABLE ${child} () INHERITS (${base})`,
    `INSERT INTO ${child} SELECT * FROM ONLY ${base} LIMIT 3`,
    ...noteTwice(doing),
  ];
}

/** Before the end: what inherits is let go. */
export function letChildrenGo(bases: readonly string[]): string {
  return bases.map((base) => `DROP TABLE IF EXISTS ${quoteName(`child of ${base}`)}`).join("; ");
}

/** Made and loaded under another name, which nobody tracks, and then put into the place of the old one. */
async function replaceLoaded(doing: Doing): Promise<string[]> {
  const { sql, setup, table, making } = doing;
  const [base, next] = [quoteName(table.base), quoteName(`${table.base} next`)];
  const [plain] = await sql`SELECT FROM pg_class WHERE oid = ${base}::text::regclass AND relkind = 'r'`;
  if (!plain || table.filterColumn !== null) return [];
  const mirrors = setup.mirrorsOf(table.base);
  return [
    `LOCK TABLE ${base} IN EXCLUSIVE MODE`,
    `CREATE TABLE ${next} (LIKE ${base} INCLUDING ALL)`,
    `INSERT INTO ${next} SELECT * FROM ONLY ${base}`,
    ...alter(`${table.base} next`, table, making),
    `DROP TABLE ${base} CASCADE`,
    `ALTER TABLE ${next} RENAME TO ${base}`,
    ...mirrors.map((mirror) => auditTable({ ...mirror, partitions: [] }, ignoredByAll(mirrors))),
    ...noteTwice(doing),
  ];
}
