import type { MirrorConfig, RelationName } from "../config/types.js";
import type { SyncError } from "../errors.js";
import type { Sql } from "../postgres/database.js";
import { display, refuser } from "./mirror-refusal.js";
import { readBaseTables, readRelation, type Relation } from "./read-relation.js";
import { resolveKey } from "./resolve-key.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import { readFiles, readTracking } from "./tracking.js";
import { columnShown, parseRules, readViewTrees } from "./view-columns.js";

/**
 * Finds a mirror's relation, base table and key, and refuses what cannot be mirrored before a row moves.
 * @throws SyncError RELATION_MISSING, RELATION_UNSUPPORTED, VIEW_OVER_SEVERAL_TABLES, NO_KEY
 */
export async function resolveMirror(sql: Sql, config: MirrorConfig): Promise<ResolvedMirror> {
  const refuse = refuser(config.mirror);
  const { relation, base } = await resolveRelations(sql, config);
  if (base.partitionOf !== null) throw partitionAlone(config, relation, base, base.partitionOf);
  if (base.hasHeirs) {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `Other tables inherit from ${display(base)}: it shows their rows, and a change of those is not logged.`,
      "Mirror the inheriting tables themselves, or turn them into partitions.",
    );
  }
  if (base.hidesRows) {
    throw refuse(
      "PERMISSION_DENIED",
      `Row-level security of ${display(base)} applies to this role: rows that it does not see would be deleted from the mirror.`,
      "Connect as a role that it does not apply to: ALTER ROLE … BYPASSRLS, or the table's owner where it is not forced on him.",
    );
  }
  const keyColumns = await resolveKey(sql, config, base);
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
  const viewTrees = relation.kind === "view" ? await readViewTrees(sql, relation.oid, base.oid) : [];
  const computed = findComputedKey(viewTrees, relation, base, keyColumns);
  if (computed !== undefined) {
    throw refuse(
      "NO_KEY",
      `The view ${display(relation)} shows something else as ${computed} than the key column of ${display(base)}.`,
      "Show the key as it is, under its own name; what is computed from it can have another.",
    );
  }
  return {
    ...{ config, relation, base, viewTrees, keyColumns },
    tracking: await readTracking(sql, base),
    ...(await readFiles(sql, base.oid)),
  };
}

/**
 * Finds a mirror's relation and the table under it, and no more: so much is there of a table that can't be mirrored any
 * longer, too.
 * @throws SyncError RELATION_MISSING, RELATION_UNSUPPORTED, VIEW_OVER_SEVERAL_TABLES
 */
export async function resolveRelations(
  sql: Sql,
  config: MirrorConfig,
): Promise<{ relation: Relation; base: Relation }> {
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
  return { relation, base: await resolveBase(sql, config, relation) };
}

/**
 * The table of a partition has triggers of its parent's tracking and of its own, and what happens to the parent, DETACH
 * above all, happens to its mirror: a mirror of one partition would be mended again and again.
 */
function partitionAlone(
  config: MirrorConfig,
  relation: Relation,
  base: Relation,
  root: RelationName,
): SyncError {
  const seen =
    relation.oid === base.oid ? display(base) : `${display(base)}, which ${display(relation)} shows,`;
  return refuser(config.mirror)(
    "RELATION_UNSUPPORTED",
    `${seen} is a partition of ${display(root)}, and a partition is not mirrored by itself.`,
    `Mirror ${display(root)}, or a view over it with a condition that keeps this partition's rows. If the table was mirrored by ` +
      `itself before it was attached, \`datahub-sync untrack --table ${config.mirror}\` takes its own triggers out; detached, it can be ` +
      "mirrored again.",
  );
}

/** The first key column whose name a view has given to something else. */
function findComputedKey(
  viewTrees: readonly string[],
  relation: Relation,
  base: Relation,
  keyColumns: readonly string[],
): string | undefined {
  const rules = parseRules(viewTrees);
  const numberOf = ({ columns }: Relation, name: string) =>
    columns.find((column) => column.name === name)!.number;
  return keyColumns.find((name) => columnShown(rules, numberOf(relation, name)) !== numberOf(base, name));
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
    if (relation.hasDeleteRule) {
      throw refuse(
        "RELATION_UNSUPPORTED",
        `The view ${display(relation)}, or one below it, has a rule for DELETE, so Postgres does not tell whether it shows its base table's rows one by one.`,
        "Make it an INSTEAD OF trigger, or mirror a view without such a rule.",
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
