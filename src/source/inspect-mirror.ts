import type { MirrorConfig } from "../config/types.js";
import type { ColumnShape } from "../encode/types.js";
import type { Sql } from "../postgres/database.js";
import { columnsShown } from "./columns-shown.js";
import { fingerprintOf } from "./fingerprint.js";
import { display, refuser } from "./mirror-refusal.js";
import type { MirrorSource } from "./mirror-source.js";
import type { Relation } from "./read-relation.js";
import { resolveMirror } from "./resolve-mirror.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import type { TrackingRecord } from "./tracking.js";

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
      problem: tracking.problem ?? findMismatch(tracking, resolved, await columnsShown(sql, resolved)),
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
  { relation, config, keyColumns }: ResolvedMirror,
  shown: readonly string[],
): string | null {
  if (tracking.keyColumns.join() !== keyColumns.join()) {
    return `it is tracked by the key ${tracking.keyColumns.join(", ")}, not by ${keyColumns.join(", ")}`;
  }
  const unseen = shown.find((name) => tracking.ignoredColumns.includes(name));
  if (unseen === undefined) return null;
  const isMirrored =
    relation.columns.some((column) => column.name === unseen) &&
    ![...config.exclude, ...config.ignore].includes(unseen);
  const why = isMirrored ? "which is mirrored" : "from which mirrored content is computed";
  return `its tracking ignores the column ${unseen}, ${why}`;
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
