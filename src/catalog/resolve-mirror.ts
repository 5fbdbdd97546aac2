import type { MirrorConfig, RelationName } from "../model/config.js";
import type { SyncError } from "../model/errors.js";
import { CONVEX_LIMITS } from "../model/limits.js";
import { display, refuser } from "./mirror-refusal.js";
import type { CatalogEntry } from "./read-catalog.js";
import type { Relation } from "./relation.js";
import { resolveKey } from "./resolve-key.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import { resolveUntrackable, whyUntrackable } from "./untrackable.js";
import { columnShown, orderViewTrees, parseRules } from "./view-columns.js";

const TABLE_OR_VIEW = "Mirror an ordinary or partitioned table of your own, or a view.";

/** Schemas of Postgres, which keeps all names that begin so, and ours: a mirror of our state would never be done. */
const NOT_THE_OWNERS = /^(pg_.*|information_schema|datahub_sync)$/;

/**
 * Finds a mirror's relation, base table and key, and refuses what cannot be mirrored before a row moves.
 * @throws SyncError RELATION_MISSING, RELATION_UNSUPPORTED, NO_KEY, PERMISSION_DENIED, CONFIG_INVALID
 */
export function resolveMirror(config: MirrorConfig, entry: CatalogEntry): ResolvedMirror {
  const refuse = refuser(config.name);
  const { relation, base } = resolveRelations(config, entry);
  const foreign = [relation, base, ...entry.basesOfView].find(({ schema }) => NOT_THE_OWNERS.test(schema));
  if (foreign !== undefined) {
    const reads = foreign === relation ? "" : `The view ${display(relation)} reads `;
    throw refuse(
      "RELATION_UNSUPPORTED",
      `${reads}${display(foreign)}${reads === "" ? "" : ", which"} is a table of Postgres's own, or of ours.`,
      TABLE_OR_VIEW,
    );
  }
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
  const tooWide = findTooWide(config, relation);
  if (tooWide !== null) throw tooWide;
  const untrackable = whyUntrackable(relation, entry);
  if (untrackable !== null) return resolveUntrackable(config, relation, entry, untrackable);
  const keyColumns = resolveKey(config, base, entry);
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
  const viewTrees = relation.kind === "view" ? orderViewTrees(entry.viewTrees, relation.oid, base.oid) : [];
  const computed = findComputedKey(viewTrees, relation, base, keyColumns);
  if (computed !== undefined) {
    throw refuse(
      "NO_KEY",
      `The view ${display(relation)} shows something else as ${computed} than the key column of ${display(base)}.`,
      "Show the key as it is, under its own name; what is computed from it can have another.",
    );
  }
  const { tracking, files, partitions, generated } = entry;
  return {
    config,
    relation,
    base,
    untrackable,
    viewTrees,
    keyColumns,
    key: entry.key!,
    tracking,
    files,
    partitions,
    generated,
  };
}

/**
 * Finds a mirror's relation and the table under it, and no more: so much is there of a table that can't be mirrored any
 * longer, too.
 * @throws SyncError RELATION_MISSING, RELATION_UNSUPPORTED
 */
export function resolveRelations(
  config: MirrorConfig,
  entry: CatalogEntry,
): { relation: Relation; base: Relation } {
  const refuse = refuser(config.name);
  const { relation } = entry;
  if (relation === null) {
    throw refuse(
      "RELATION_MISSING",
      `The relation ${display(config.relation)} does not exist.`,
      'Create it, or name the one to mirror as "relation" in the configuration file.',
    );
  }
  if (relation.kind === "other") {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `${display(relation)} is ${relation.what}, and neither a table nor a view.`,
      TABLE_OR_VIEW,
    );
  }
  if (whyUntrackable(relation, entry) !== null) return { relation, base: relation };
  return { relation, base: resolveBase(config, relation, entry) };
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
  return refuser(config.name)(
    "RELATION_UNSUPPORTED",
    `${seen} is a partition of ${display(root)}, and a partition is not mirrored by itself.`,
    `Mirror ${display(root)}, or a view over it with a condition that keeps this partition's rows. If the table was mirrored by ` +
      `itself before it was attached, \`datahub-sync untrack --table ${config.name}\` takes its own triggers out; detached, it can be ` +
      "mirrored again.",
  );
}

/** Said before a schema is asked for that Convex would not take. `_id` and `_creationTime` count among the fields. */
function findTooWide(config: MirrorConfig, relation: Relation): SyncError | null {
  const left = new Set([...config.exclude, ...config.ignore]);
  const mirrored = relation.columns.filter(({ name }) => !left.has(name)).length;
  const most = CONVEX_LIMITS.maxObjectFields - 2;
  if (mirrored <= most) return null;
  return refuser(config.name)(
    "CONFIG_INVALID",
    `${mirrored} columns of ${display(relation)} are to be mirrored, and a Convex document holds ${most}.`,
    `Name at least ${mirrored - most} of them as "exclude" in the configuration file, or mirror views that each show some of them.`,
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

function resolveBase(config: MirrorConfig, relation: Relation, entry: CatalogEntry): Relation {
  if (relation.kind === "view") return resolveBaseOfView(config, relation, entry);
  const name: RelationName = config.base ?? relation;
  const { base } = entry;
  if (!base || (base.kind !== "table" && base.kind !== "partitioned")) {
    throw refuser(config.name)(
      base ? "RELATION_UNSUPPORTED" : "RELATION_MISSING",
      `The base table ${display(name)} ${base ? `is ${base.what}` : "does not exist"}.`,
      'Correct "base" in the configuration file.',
    );
  }
  return base;
}

function resolveBaseOfView(config: MirrorConfig, view: Relation, entry: CatalogEntry): Relation {
  const refuse = refuser(config.name);
  const { basesOfView: tables, base } = entry;
  if (base === null)
    throw refuse("RELATION_MISSING", `The base table ${display(tables[0]!)} does not exist.`, "Run again.");
  if (config.base !== null && display(config.base) !== display(base)) {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `The view ${display(view)} reads ${display(base)}, not ${display(config.base)}.`,
      'Correct "base" in the configuration file, or leave it out: it is found by itself.',
    );
  }
  return base;
}
