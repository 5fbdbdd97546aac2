import type { RelationName } from "../model/config.js";
import type { PgType } from "../model/encoding.js";
import type { ResolveType } from "./read-types.js";

export interface RelationColumn {
  name: string;
  number: number;
  type: PgType;
  /** The type as SQL that can be cast to, schema included. */
  typeSql: string;
  /** May be stored out of line. */
  wide: boolean;
}

/** What the catalog says of a relation, as `RELATION` of relation-sql.ts writes it. */
export interface RelationFact extends RelationName {
  oid: string;
  /** As pg_class has it: r, p, v and others. */
  kind: string;
  /** The definition of the view and of the views below it as Postgres prints them, or null. */
  definition: string | null;
  /**
   * Names the view's rules and those of the views below it, and what decides who sees the rows: another name means that
   * one was replaced. Null of tables whose rows we see whatever is decided.
   */
  rules: string | null;
  /** A crash of Postgres empties it, or a partition of it. */
  isUnlogged: boolean;
  /** The topmost table of which it is a partition. */
  partitionOf: RelationName | null;
  /** Tables other than partitions inherit from it. */
  hasHeirs: boolean;
  /** Row-level security applies to our role: it may see a part of the rows only. */
  hidesRows: boolean;
  /** As statistics have it; null where there are none, and of what is no ordinary table. */
  estimatedRows: number | null;
  /** Of a view: what it shows of a row depends on more than the row. */
  readsBeyondRow: boolean;
  /** Of a view: it reads system columns, such as `ctid`. */
  readsSystemColumns: boolean;
  /** Of a view: row-level security decides which rows its owner sees. */
  hidesRowsFromOwner: boolean;
  /** Of a view: it, or a view below it, has a rule in the place of DELETE. */
  hasDeleteRule: boolean;
  /** Each row comes from one row of the relation below, and from that alone. Always true of tables. */
  isRowByRow: boolean;
  columns: (Omit<RelationColumn, "type"> & { oid: string; typmod: number; display: string })[];
}

export interface Relation extends Omit<RelationFact, "kind" | "columns"> {
  kind: "table" | "partitioned" | "view" | "materialized" | "foreign" | "other";
  /** What it is, for messages. */
  what: string;
  columns: RelationColumn[];
}

const KINDS: Record<string, Relation["kind"]> = {
  r: "table",
  p: "partitioned",
  v: "view",
  m: "materialized",
  f: "foreign",
};

const OTHER_KINDS: Record<string, string> = {
  m: "a materialized view",
  f: "a foreign table",
  S: "a sequence",
  c: "a type",
  i: "an index",
  I: "an index",
};

export function toRelation(fact: RelationFact, resolveType: ResolveType): Relation {
  const kind = KINDS[fact.kind] ?? "other";
  return {
    ...fact,
    kind,
    what: OTHER_KINDS[fact.kind] ?? `a ${KINDS[fact.kind] ?? "relation"}`,
    // A view over none has no answer to what it calls.
    readsBeyondRow: fact.readsBeyondRow === true,
    readsSystemColumns: fact.readsSystemColumns === true,
    hidesRowsFromOwner: fact.hidesRowsFromOwner === true,
    hasDeleteRule: fact.hasDeleteRule === true,
    isRowByRow: fact.isRowByRow === true,
    columns: fact.columns.map(({ name, number, typeSql, wide, ...type }) => ({
      name,
      number,
      typeSql,
      wide,
      type: resolveType(type, type.display),
    })),
  };
}
