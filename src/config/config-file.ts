import { toConvexName } from "../model/names.js";
import { toBudget } from "./budget.js";
import { configFileSchema, type ConfigFileTable } from "./config-file-schema.js";
import { defaultUpdatedAt } from "./default-mirrors.js";
import { parseJsonFile } from "./json-file.js";
import type { Problem } from "./problems.js";
import { parseRelationName, showRelationName } from "./relation-name.js";
import type { Budget } from "../model/report.js";
import type { ColumnConfig, MirrorConfig, RelationName } from "../model/config.js";

/** What a configuration file says. */
export interface FileResult {
  mirrors: MirrorConfig[];
  budget: Budget | null;
  problems: Problem[];
}

const SEE_ALSO =
  'docs/configuration.md explains the file; its "$schema" lets an editor show what may stand where.';

/** Reads the text of a configuration file; `shown` is its name in messages. */
export function parseConfigFile(text: string, shown: string): FileResult {
  const checked = parseJsonFile(text, shown, configFileSchema, SEE_ALSO);
  if (!checked.ok) return { mirrors: [], budget: null, problems: checked.problems };
  const { tables, budget } = checked.data;
  const mirrors = tables.map(toMirror);
  return {
    mirrors,
    budget: budget === undefined ? null : toBudget(budget),
    problems: duplicates(mirrors, shown),
  };
}

function toMirror(table: ConfigFileTable): MirrorConfig {
  const relation = relationOf(table.relation);
  return {
    relation,
    base: table.base === undefined ? null : relationOf(table.base),
    name: table.mirror ?? toConvexName(relation.name),
    key: table.key ?? null,
    ignore: table.ignore,
    updatedAt: table.updatedAt ?? defaultUpdatedAt(relation),
    exclude: table.exclude,
    columns: Object.fromEntries(
      Object.entries(table.columns).map(([name, column]) => [name, withoutAbsent(column)]),
    ),
  };
}

function relationOf(text: string): RelationName {
  const relation = parseRelationName(text);
  if (relation === null) throw new Error("the schema accepted a relation's name that does not parse");
  return relation;
}

function withoutAbsent(column: ConfigFileTable["columns"][string]): ColumnConfig {
  return {
    ...(column.field !== undefined && { field: column.field }),
    ...(column.encoding !== undefined && { encoding: column.encoding }),
  };
}

function duplicates(mirrors: readonly MirrorConfig[], shown: string): Problem[] {
  const first = new Map<string, MirrorConfig>();
  const problems: Problem[] = [];
  for (const mirror of mirrors) {
    const other = first.get(mirror.name);
    if (other === undefined) first.set(mirror.name, mirror);
    else {
      problems.push({
        kind: "invalid",
        message: `${shown} mirrors both ${showRelationName(other.relation)} and ${showRelationName(mirror.relation)} to the Convex table ${mirror.name}.`,
        remedy: 'Give one of them another name with "mirror".',
      });
    }
  }
  return problems;
}
