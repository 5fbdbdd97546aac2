import type { MirrorConfig, RelationName } from "../config/types.js";
import type { ColumnShape } from "../encode/types.js";
import type { Sql } from "../postgres/database.js";
import { SyncError, type ErrorCode } from "../errors.js";
import { columnsShown } from "./columns-shown.js";
import { fingerprintOf } from "./fingerprint.js";
import type { MirrorSource } from "./mirror-source.js";
import { isKey, readBaseTables, readPrimaryKey, readRelation, type Relation } from "./read-relation.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import { readTracking, type TrackingRecord } from "./tracking.js";

/**
 * Finds a mirror's relation, base table and key, and refuses what cannot be mirrored before a row moves.
 * @throws SyncError RELATION_MISSING, RELATION_UNSUPPORTED, VIEW_OVER_SEVERAL_TABLES, NO_KEY
 */
export async function resolveMirror(sql: Sql, config: MirrorConfig): Promise<ResolvedMirror> {
  const refuse = refuser(config.mirror);
  const relation = await readRelation(sql, config.relation);
  if (!relation) {
    throw refuse(
      "RELATION_MISSING",
      `The relation ${display(config.relation)} does not exist.`,
      'Create it, or name the one to mirror as "relation" in datahub-sync.config.json.',
    );
  }
  if (relation.kind === "other") {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `${display(relation)} is neither a table nor a view.`,
      "Mirror an ordinary or partitioned table, or a view over one of those.",
    );
  }
  const base = await resolveBase(sql, config, relation);
  if (base.hasHeirs) {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `Other tables inherit from ${display(base)}: it shows their rows, and a change of those is not marked.`,
      "Mirror the inheriting tables themselves, or turn them into partitions.",
    );
  }
  if (base.lateTrigger !== null) {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `The trigger ${base.lateTrigger} of ${display(base)} fires after the tracking's: what it changes would not be marked.`,
      "ALTER TRIGGER … RENAME TO a name that sorts before zzz_datahub_sync, and run with --full once.",
    );
  }
  if (base.hidesRows) {
    throw refuse(
      "PERMISSION_DENIED",
      `Row-level security of ${display(base)} applies to this role: rows that it does not see would be deleted from the mirror.`,
      "Connect as a role that it does not apply to: ALTER ROLE … BYPASSRLS, or the table's owner where it is not forced on him.",
    );
  }
  const keyColumns = config.key ?? (await readPrimaryKey(sql, base.oid));
  if (keyColumns === null || !(await isKey(sql, base.oid, keyColumns))) {
    throw refuse(
      "NO_KEY",
      keyColumns === null
        ? `${display(base)} has no primary key.`
        : `The columns ${keyColumns.join(", ")} of ${display(base)} are not a key.`,
      'Add a primary key, or name as "key" columns that are NOT NULL and together carry a unique index.',
    );
  }
  const list = keyColumns.find((name) => base.columns.find((column) => column.name === name)?.type.element);
  if (list !== undefined) {
    throw refuse(
      "NO_KEY",
      `The key column ${list} of ${display(base)} is an array.`,
      'Name as "key" other columns that are NOT NULL and together carry a unique index.',
    );
  }
  const hidden = keyColumns.find((name) => !relation.columns.some((column) => column.name === name));
  if (hidden !== undefined) {
    throw refuse(
      "NO_KEY",
      `The view ${display(relation)} does not show the key column ${hidden} of ${display(base)}.`,
      "Add the base table's key to the view under its own name.",
    );
  }
  const typeOf = ({ columns }: Relation, name: string) =>
    columns.find((column) => column.name === name)?.typeSql;
  const retyped = keyColumns.find((name) => typeOf(relation, name) !== typeOf(base, name));
  if (retyped !== undefined) {
    throw refuse(
      "NO_KEY",
      `The view ${display(relation)} shows the key column ${retyped} with another type than ${display(base)}.`,
      "Show the key as it is; the configuration can give it another name or encoding.",
    );
  }
  return { config, relation, base, keyColumns, tracking: await readTracking(sql, base) };
}

async function resolveBase(sql: Sql, config: MirrorConfig, relation: Relation): Promise<Relation> {
  const refuse = refuser(config.mirror);
  let name: RelationName = config.base ?? relation;
  if (relation.kind === "view") {
    const tables = await readBaseTables(sql, relation.oid);
    if (tables.length !== 1) {
      throw refuse(
        "VIEW_OVER_SEVERAL_TABLES",
        tables.length === 0
          ? `The view ${display(relation)} reads no table.`
          : `The view ${display(relation)} reads several tables: ${tables.map(display).join(", ")}.`,
        "A view is mirrored through the one table under it. Mirror the tables, or a view over one of them.",
      );
    }
    if (!relation.isRowByRow) {
      throw refuse(
        "RELATION_UNSUPPORTED",
        `The view ${display(relation)} does not show its base table's rows one by one, so a change of one may change others.`,
        "Mirror a view without DISTINCT, GROUP BY, aggregates, window functions, sub-selects, UNION, LIMIT and WITH; or the table.",
      );
    }
    if (config.base !== null && display(config.base) !== display(tables[0]!)) {
      throw refuse(
        "RELATION_UNSUPPORTED",
        `The view ${display(relation)} reads ${display(tables[0]!)}, not ${display(config.base)}.`,
        'Correct "base" in datahub-sync.config.json, or leave it out: it is found by itself.',
      );
    }
    name = tables[0]!;
  }
  const base = display(name) === display(relation) ? relation : await readRelation(sql, name);
  if (!base || (base.kind !== "table" && base.kind !== "partitioned")) {
    throw refuse(
      base ? "RELATION_UNSUPPORTED" : "RELATION_MISSING",
      `The base table ${display(name)} ${base ? "is not a table" : "does not exist"}.`,
      'Correct "base" in datahub-sync.config.json.',
    );
  }
  return base;
}

/** What the encoder says about documents; the source does not know the encoder. */
export interface DocumentRules {
  encoderVersion: number;
  /** The field that a column gets when the configuration names none. */
  fieldName(column: string): string;
}

/**
 * A resolved mirror as a run reads it.
 * @throws SyncError CONFIG_INVALID for a configured column that the relation lacks
 */
export async function inspectMirror(
  sql: Sql,
  config: MirrorConfig,
  rules: DocumentRules,
): Promise<MirrorSource> {
  const resolved = await resolveMirror(sql, config);
  const { relation, base, keyColumns, tracking } = resolved;
  const columns = mirroredColumns(config, relation, tracking, rules);
  const keyTypes = new Map(relation.columns.map((column) => [column.name, column]));
  const keys = keyColumns.map((name) => ({ name, typeSql: keyTypes.get(name)!.typeSql }));
  const [row] = await sql.unsafe<{ expression: string }[]>(
    "SELECT datahub_sync.key_expression(ARRAY(SELECT json_array_elements_text($1::text::json)), 'r') AS expression",
    [JSON.stringify(keyColumns)],
  );
  return {
    name: config.mirror,
    relation: { schema: relation.schema, name: relation.name },
    base: { schema: base.schema, name: base.name },
    baseOid: base.oid,
    isView: relation.kind === "view",
    keyColumns: keys,
    keyExpression: row!.expression,
    keyOrder: keys.length === 1 && keys[0]!.typeSql === "pg_catalog.uuid" ? "uuid" : "text",
    columns,
    wideColumns: base.columns
      .filter((column) => column.wide && !config.exclude.includes(column.name))
      .map((column) => column.name),
    tracking: tracking && {
      id: tracking.id,
      generation: tracking.generation,
      files: tracking.files,
      indexed: tracking.indexed,
      problem: tracking.problem ?? findMismatch(tracking, keyColumns, await columnsShown(sql, resolved)),
    },
    unmarked: whyUnmarked(relation, base),
    fingerprint: fingerprintOf(rules.encoderVersion, relation, keyColumns, columns),
  };
}

/** What changes the content of a mirror and no row of its table: no trigger can tell. */
function whyUnmarked(relation: Relation, base: Relation): string | null {
  if (base.isUnlogged) return `${display(base)} is unlogged, so a crash of Postgres would empty it unnoticed`;
  if (relation.readsBeyondRow)
    return `the view ${display(relation)} calls functions that answer by more than the row, such as now()`;
  return null;
}

/** Whether the table is tracked for another configuration than this one. */
function findMismatch(
  tracking: TrackingRecord,
  keyColumns: readonly string[],
  shown: readonly string[],
): string | null {
  if (tracking.keyColumns.join() !== keyColumns.join()) {
    return `it is tracked by the key ${tracking.keyColumns.join(", ")}, not by ${keyColumns.join(", ")}`;
  }
  const unseen = shown.find((name) => tracking.ignoredColumns.includes(name));
  return unseen === undefined ? null : `its tracking ignores the column ${unseen}, which is mirrored`;
}

function mirroredColumns(
  config: MirrorConfig,
  relation: Relation,
  tracking: TrackingRecord | null,
  rules: DocumentRules,
): ColumnShape[] {
  const known = new Set(relation.columns.map((column) => column.name));
  const unknown = [...config.exclude, ...Object.keys(config.columns)].find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw refuser(config.mirror)(
      "CONFIG_INVALID",
      `The configuration names the column ${unknown}, which ${display(relation)} does not have.`,
      "Correct the name in datahub-sync.config.json: a misspelt exclusion would publish the column.",
      2,
    );
  }
  const left = new Set([...config.exclude, ...config.ignore, "sync_xid"]);
  if (tracking?.addedUpdatedAt) left.add("updated_at");
  return relation.columns
    .filter((column) => !left.has(column.name))
    .map((column) => ({
      name: column.name,
      field: config.columns[column.name]?.field ?? rules.fieldName(column.name),
      type: column.type,
      encoding: config.columns[column.name]?.encoding ?? "default",
    }));
}

function refuser(table: string) {
  return (code: ErrorCode, message: string, remedy: string, exitCode: 1 | 2 = 1): SyncError =>
    new SyncError({ code, message, remedy, table, exitCode });
}

export function display(relation: RelationName): string {
  return relation.schema === "public" ? relation.name : `${relation.schema}.${relation.name}`;
}
