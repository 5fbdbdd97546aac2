import type { RelationColumn } from "./relation.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import { columnsRead, parseRules } from "./view-columns.js";

/**
 * The base table's columns whose content a mirror shows: tracking has to compare these. A column that a view shows
 * under another name, or reads in its condition, counts, and so does one that a generated column is computed from: a
 * virtual one has no value when the trigger compares.
 */
export function columnsShown(mirror: ResolvedMirror): string[] {
  const { config, relation } = mirror;
  const left = new Set([...config.ignore, ...config.exclude]);
  const mirrored = relation.columns.filter((column) => !left.has(column.name));
  const shown = new Set(columnsOfBase(mirror, mirrored).map((column) => column.name));
  for (const { generated, input } of mirror.generated) {
    if (shown.has(generated)) shown.add(input);
  }
  return [...shown];
}

/** The base's columns that these columns of the relation are read from. */
function columnsOfBase(
  { relation, base, viewTrees }: ResolvedMirror,
  columns: RelationColumn[],
): RelationColumn[] {
  if (relation.kind !== "view" || viewTrees.length === 0) return columns;
  const read = columnsRead(
    parseRules(viewTrees),
    columns.map((column) => column.number),
  );
  return read === "all" ? base.columns : base.columns.filter((column) => read.has(column.number));
}
