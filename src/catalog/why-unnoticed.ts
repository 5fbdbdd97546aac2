import type { ColumnShape, PgType } from "../model/encoding.js";
import { display } from "./mirror-refusal.js";
import type { ResolvedMirror } from "./resolved-mirror.js";
import { columnsRead, parseRules } from "./view-columns.js";

/**
 * What changes the content of a mirror and no row of its table, in one sentence: no trigger can tell, so each run
 * compares. Null where there is no such thing.
 */
export function whyUnnoticed(mirror: ResolvedMirror, columns: readonly ColumnShape[]): string | null {
  const { relation, base } = mirror;
  if (base.isUnlogged)
    return `${display(base)}, or a partition of it, is unlogged, so a crash of Postgres would empty it unnoticed`;
  if (relation.readsBeyondRow)
    return `the view ${display(relation)} calls functions that answer by more than the row, such as now() or to_tsvector(text)`;
  if (relation.readsSystemColumns)
    return `the view ${display(relation)} reads system columns, such as ctid, which change while the content does not`;
  if (relation.hidesRowsFromOwner)
    return `row-level security of ${display(base)} decides which rows the owner of ${display(relation)} sees`;
  const column = findNames(mirror, columns);
  if (column !== undefined)
    return `the column ${column} prints names (regclass and its like), which change while the row does not; a view can cast it to oid`;
  return null;
}

/** A column whose text is made of names, or one from which a view may make such a text. */
function findNames(
  { relation, base, viewTrees }: ResolvedMirror,
  columns: readonly ColumnShape[],
): string | undefined {
  const mirrored = columns.find((column) => printsNames(column.type));
  if (mirrored !== undefined || relation.kind !== "view") return mirrored?.name;
  const ofBase = base.columns.filter((column) => printsNames(column.type));
  if (ofBase.length === 0) return undefined;
  const shown = new Set(columns.map((column) => column.name));
  const read = columnsRead(
    parseRules(viewTrees, "except as oid"),
    relation.columns.filter((column) => shown.has(column.name)).map((column) => column.number),
  );
  return ofBase.find((column) => read === "all" || read.has(column.number))?.name;
}

/** Such a type's text is a name of the catalog's, also inside another type. */
function printsNames({ schema, name, element, base, subtype, attributes }: PgType): boolean {
  if (schema === "pg_catalog" && /^(reg|aclitem)/.test(name)) return true;
  const parts = [element, base, subtype, ...(attributes ?? []).map((attribute) => attribute.type)];
  return parts.some((part) => part !== null && printsNames(part));
}
