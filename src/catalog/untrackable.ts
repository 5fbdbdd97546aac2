import type { MirrorConfig } from "../model/config.js";
import { display, refuser } from "./mirror-refusal.js";
import type { CatalogEntry } from "./read-catalog.js";
import type { Relation } from "./relation.js";
import { whyNoKeyType } from "./resolve-key.js";
import type { ResolvedMirror } from "./resolved-mirror.js";

/**
 * Why no trigger can tell what changes in a relation, in a clause; null where one can. What is no table, and no view that shows
 * the rows of one table one by one, is compared as a whole by each run.
 */
export function whyUntrackable(
  relation: Relation,
  { basesOfView: tables, base }: CatalogEntry,
): string | null {
  const name = display(relation);
  if (relation.kind === "materialized") return `${name} is a materialized view, which fires no trigger`;
  if (relation.kind === "foreign") return `${name} is a foreign table, whose changes happen elsewhere`;
  if (relation.kind !== "view") return null;
  if (tables.length === 0) return `the view ${name} reads no table`;
  if (tables.length > 1) return `the view ${name} reads several tables (${tables.map(display).join(", ")})`;
  if (base !== null && base.kind !== "table" && base.kind !== "partitioned")
    return `the view ${name} reads ${display(base)}, which is ${base.what}`;
  if (relation.hasDeleteRule)
    return `the view ${name}, or one below it, has a rule for DELETE, so that Postgres does not tell whether it shows rows one by one`;
  return relation.isRowByRow
    ? null
    : `the view ${name} does not show the rows of ${display(tables[0]!)} one by one`;
}

/**
 * A mirror without a table that is tracked.
 * @throws SyncError NO_KEY, CONFIG_INVALID, RELATION_UNSUPPORTED
 */
export function resolveUntrackable(
  config: MirrorConfig,
  relation: Relation,
  { ofItself }: CatalogEntry,
  why: string,
): ResolvedMirror {
  const refuse = refuser(config.name);
  const sentence = why.replace(/^the /, "The ");
  if (config.base !== null) {
    throw refuse(
      "RELATION_UNSUPPORTED",
      `${sentence}: there is no one table that could be tracked for it, as "base" says.`,
      'Leave "base" out: it is compared by each run.',
    );
  }
  if (config.updatedAt === "content") {
    throw refuse(
      "CONFIG_INVALID",
      `${sentence}: nothing is tracked for it, so that "updatedAt" cannot be "content".`,
      'Leave "updatedAt" out.',
    );
  }
  const keyColumns = ofItself?.orderedKey ?? null;
  if (ofItself === null || keyColumns === null) throw refuse("NO_KEY", ...noKey(config, relation, sentence));
  for (const name of keyColumns) {
    const no = whyNoKeyType(relation.columns.find((column) => column.name === name)!.type);
    if (no !== null)
      throw refuse(
        "NO_KEY",
        `The key column ${name} of ${display(relation)} is ${no}.`,
        'Name others as "key".',
      );
  }
  const { files, partitions } = ofItself;
  return {
    config,
    relation,
    base: relation,
    untrackable: why,
    viewTrees: [],
    keyColumns,
    // Without the schema datahub_sync nobody reads it, and it is not there.
    key: ofItself.key!,
    tracking: null,
    files,
    partitions,
    generated: [],
  };
}

function noKey(
  { key }: MirrorConfig,
  relation: Relation,
  sentence: string,
): [message: string, remedy: string] {
  const name = display(relation);
  if (relation.kind === "materialized") {
    return key === null
      ? [
          `${sentence}, and it has no unique index.`,
          `CREATE UNIQUE INDEX ON ${name} (…), on the columns that tell its rows apart.`,
        ]
      : [
          `The columns ${key.join(", ")} of ${name} carry no unique index.`,
          `CREATE UNIQUE INDEX ON ${name} (${key.join(", ")}), or name others as "key".`,
        ];
  }
  return key === null
    ? [
        `${sentence}, and has no key of its own.`,
        'Name as "key" in the configuration file the columns that tell its rows apart. It is then compared as a whole by each run.',
      ]
    : [
        `${name} does not have all of the columns ${key.join(", ")}.`,
        'Correct "key" in the configuration file.',
      ];
}
