import type { MirrorConfig, RelationName } from "../model/config.js";
import type { ColumnShape, PgType } from "../model/encoding.js";
import { quoteRelation } from "../postgres/identifier.js";
import { columnsShown } from "./columns-shown.js";
import { fingerprintOf } from "./fingerprint.js";
import { display, refuser } from "./mirror-refusal.js";
import { UNTRACKED, type MirrorSource } from "../model/mirror-source.js";
import type { Relation } from "./relation.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import type { TrackingRecord } from "./tracking.js";
import { whyUnnoticed } from "./why-unnoticed.js";

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
export function inspectMirror(resolved: ResolvedMirror, rules: DocumentRules): MirrorSource {
  const { config, relation, base, key, keyColumns, tracking } = resolved;
  const columns = mirroredColumns(config, relation, rules);
  const { untrackable } = resolved;
  const shown = columnsShown(resolved);
  const typesRead =
    relation.kind === "view" && untrackable === null
      ? base.columns.filter(({ name }) => shown.includes(name)).map(({ type }) => type)
      : [];
  const keyTypes = keyColumns.map((name) => base.columns.find((column) => column.name === name)!.type);
  const keyOrder: MirrorSource["keyOrder"] = key.parts.every(({ bytewise }) => bytewise) ? "bytes" : "index";
  const fingerprint = fingerprintOf(
    rules.encoderVersion,
    relation,
    { columns: keyColumns, types: keyTypes, order: keyOrder },
    columns,
    typesRead,
  );
  const problem = tracking && (tracking.problem ?? findMismatch(tracking, resolved, shown));
  const hasUpdatedAt = columns.some(({ name }) => name === "updated_at");
  const updatedAt = !hasUpdatedAt
    ? "none"
    : untrackable === null
      ? (tracking?.updatedAt ?? "none")
      : "as-written";
  return {
    name: config.name,
    relation: { schema: relation.schema, name: relation.name },
    base: { schema: base.schema, name: base.name },
    baseOid: base.oid,
    isView: relation.kind !== "table" && relation.kind !== "partitioned",
    untrackable,
    isPartitioned: base.kind === "partitioned",
    estimatedRows: base.estimatedRows,
    keyColumns: key.parts.map(({ name, kind, sorting }, index) => ({
      name,
      kind,
      sorting,
      typeSql: quoteRelation(belowDomains(keyTypes[index]!)),
    })),
    keyExpression: key.expression,
    keyOrder,
    columns,
    wideColumns: relation.columns
      .filter((column) => column.wide && columns.some(({ name }) => name === column.name))
      .map((column) => column.name),
    fingerprint,
    tracking: tracking && {
      id: tracking.id,
      generation: tracking.generation,
      problem,
      isBehind: tracking.isBehind,
    },
    sight: {
      trackedId: tracking?.id ?? UNTRACKED,
      generation: tracking?.generation ?? 0,
      fingerprint,
      files: relation.rules === null ? resolved.files : `${resolved.files}/${relation.rules}`,
      partitions: resolved.partitions,
      unnoticed:
        untrackable ?? whyUnnoticed(resolved, columns) ?? whyUntracked(base, tracking && { problem }),
      columns: columns.map(({ name }) => name),
    },
    updatedAt,
  };
}

function whyUntracked(base: RelationName, tracking: { problem: string | null } | null): string | null {
  if (tracking === null) return `changes of ${display(base)} are not being tracked`;
  return tracking.problem && `changes of ${display(base)} may have gone unlogged: ${tracking.problem}`;
}

/**
 * What a key's text is cast to: a domain's own condition may be one that older keys violate. Of a list there is no
 * other name than the domain's.
 */
function belowDomains(type: PgType): PgType {
  return type.base === null || type.base.element !== null ? type : belowDomains(type.base);
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
  const unseen = shown.find((name) => !tracking.comparedColumns.includes(name));
  if (unseen === undefined) return null;
  const isMirrored =
    relation.columns.some((column) => column.name === unseen) &&
    ![...config.exclude, ...config.ignore].includes(unseen);
  const why = tracking.isBehind
    ? "which was added"
    : isMirrored
      ? "which is mirrored"
      : "from which mirrored content is computed";
  return `its tracking does not compare the column ${unseen}, ${why}`;
}

/**
 * The columns of a relation that are mirrored, as documents.
 * @throws SyncError CONFIG_INVALID for a configured column that the relation lacks
 */
export function mirroredColumns(
  config: MirrorConfig,
  relation: Relation,
  rules: Pick<DocumentRules, "fieldName">,
): ColumnShape[] {
  const known = new Set(relation.columns.map((column) => column.name));
  const unknown = [...config.exclude, ...Object.keys(config.columns)].find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw refuser(config.name)(
      "CONFIG_INVALID",
      `The configuration names the column ${unknown}, which ${display(relation)} does not have.`,
      "Correct the name in the configuration file: a misspelt exclusion would publish the column.",
    );
  }
  const left = new Set([...config.exclude, ...config.ignore]);
  return relation.columns
    .filter((column) => !left.has(column.name))
    .map((column) => ({
      name: column.name,
      field: config.columns[column.name]?.field ?? rules.fieldName(column.name),
      type: column.type,
      encoding: config.columns[column.name]?.encoding ?? "default",
    }));
}
