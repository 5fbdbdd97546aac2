import type { MirrorConfig } from "../config/types.js";
import type { ColumnShape, PgType } from "../encode/types.js";
import { quoteRelation } from "../postgres/identifier.js";
import type { Sql } from "../postgres/database.js";
import { columnsShown } from "./columns-shown.js";
import { fingerprintOf } from "./fingerprint.js";
import { display, refuser } from "./mirror-refusal.js";
import type { MirrorSource } from "./mirror-source.js";
import type { Relation } from "./read-relation.js";
import { resolveMirror } from "./resolve-mirror.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import type { TrackingRecord } from "./tracking.js";
import { whyUnmarked } from "./why-unmarked.js";

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
  const shown = await columnsShown(sql, resolved);
  const typesRead =
    relation.kind === "view"
      ? base.columns.filter(({ name }) => shown.includes(name)).map(({ type }) => type)
      : [];
  const keyTypes = keyColumns.map((name) =>
    belowDomains(base.columns.find((column) => column.name === name)!.type),
  );
  const keys = keyColumns.map((name, index) => ({ name, typeSql: quoteRelation(keyTypes[index]!) }));
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
    keyOrder: keys.length === 1 && isUuid(keyTypes[0]!) ? "uuid" : "text",
    columns,
    wideColumns: base.columns
      .filter((column) => column.wide && !config.exclude.includes(column.name))
      .map((column) => column.name),
    tracking: tracking && {
      id: tracking.id,
      generation: tracking.generation,
      files: relation.rules === null ? tracking.files : `${tracking.files}/${relation.rules}`,
      indexed: tracking.indexed,
      problem: tracking.problem ?? findMismatch(tracking, resolved, shown),
    },
    unmarked: whyUnmarked(resolved, columns),
    fingerprint: fingerprintOf(rules.encoderVersion, relation, keyColumns, columns, typesRead),
  };
}

/**
 * What a key's text is cast to: a domain's own condition may be one that older keys violate. Of a list there is no
 * other name than the domain's.
 */
function belowDomains(type: PgType): PgType {
  return type.base === null || type.base.element !== null ? type : belowDomains(type.base);
}

function isUuid({ schema, name }: PgType): boolean {
  return schema === "pg_catalog" && name === "uuid";
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
