import type { RelationName } from "../config/types.js";
import type { PgType } from "../encode/types.js";
import type { Sql } from "../postgres/database.js";
import { isUntranslatable } from "../postgres/database-error.js";
import { PINNED_CATALOG } from "./pinned-catalog.js";
import { readTypes } from "./read-types.js";
import {
  BEYOND_ROW,
  DEFINITIONS,
  DELETE_RULE,
  OWNER_SECURITY,
  RULES,
  SUBLINKS,
  SYSTEM_COLUMNS,
  TABLE_SECURITY,
} from "./view-sql.js";

export interface RelationColumn {
  name: string;
  number: number;
  type: PgType;
  /** The type as SQL that can be cast to, schema included. */
  typeSql: string;
  /** May be stored out of line. */
  wide: boolean;
}

export interface Relation extends RelationName {
  oid: string;
  kind: "table" | "partitioned" | "view" | "other";
  /** What it is, for messages. */
  what: string;
  columns: RelationColumn[];
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
}

interface ColumnRow {
  name: string;
  number: number;
  oid: string;
  typmod: number;
  display: string;
  type_sql: string;
  wide: boolean;
}

const KINDS: Record<string, Relation["kind"]> = { r: "table", p: "partitioned", v: "view" };

const OTHER_KINDS: Record<string, string> = {
  m: "a materialized view",
  f: "a foreign table",
  S: "a sequence",
  c: "a type",
  i: "an index",
  I: "an index",
};

/** Reads a relation and its columns from the catalog; null when there is none of that name. */
export async function readRelation(sql: Sql, relation: RelationName): Promise<Relation | null> {
  const [found] = await sql
    .unsafe<
      {
        oid: string;
        kind: string;
        definition: string | null;
        rules: string | null;
        row_by_row: string;
        beyond_row: string;
        system_columns: string;
        owner_security: string;
        delete_rule: string;
        unlogged: string;
        partition_of: string | null;
        heirs: string;
        hides_rows: string;
        columns: string;
      }[]
    >(
      `SELECT c.oid::text, c.relkind::text AS kind,
            CASE WHEN c.relkind = 'v' THEN ${DEFINITIONS} END AS definition,
            CASE WHEN c.relkind = 'v' THEN ${RULES} ELSE ${TABLE_SECURITY} END AS rules,
            -- 16 is DELETE: Postgres can delete through a view without our saying how only where it is so simple.
            CASE WHEN c.relkind = 'v'
              THEN (pg_catalog.pg_relation_is_updatable(c.oid, false) & 16 = 16 AND NOT ${SUBLINKS}) ELSE true
            END::text AS row_by_row,
            CASE WHEN c.relkind = 'v' THEN ${BEYOND_ROW} ELSE false END::text AS beyond_row,
            CASE WHEN c.relkind = 'v' THEN ${SYSTEM_COLUMNS} ELSE false END::text AS system_columns,
            CASE WHEN c.relkind = 'v' THEN ${OWNER_SECURITY} ELSE false END::text AS owner_security,
            CASE WHEN c.relkind = 'v' THEN ${DELETE_RULE} ELSE false END::text AS delete_rule,
            EXISTS (SELECT FROM pg_catalog.pg_class u
                     WHERE u.relpersistence = 'u'
                       AND (u.oid = c.oid OR u.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))
            )::text AS unlogged,
            (SELECT json_build_object('schema', n.nspname, 'name', p.relname)
               FROM pg_catalog.pg_class p JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
              WHERE c.relispartition AND p.oid = pg_catalog.pg_partition_root(c.oid))::text AS partition_of,
            (c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = c.oid))::text AS heirs,
            pg_catalog.row_security_active(c.oid)::text AS hides_rows,
            (SELECT coalesce(json_agg(json_build_object(
                      'name', a.attname, 'number', a.attnum, 'oid', a.atttypid::text, 'typmod', a.atttypmod,
                      'display', format_type(a.atttypid, a.atttypmod),
                      'type_sql', format('%I.%I', n.nspname, t.typname), 'wide', a.attstorage <> 'p') ORDER BY a.attnum), '[]')
               FROM pg_catalog.pg_attribute a
               JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
               JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
      WHERE ${PINNED_CATALOG} AND s.nspname = $1 AND c.relname = $2`,
      [relation.schema, relation.name],
    )
    .catch(noneIfUntranslatable);
  if (!found) return null;
  const columns = JSON.parse(found.columns) as ColumnRow[];
  const resolveType = await readTypes(
    sql,
    columns.map((column) => column.oid),
  );
  return {
    schema: relation.schema,
    name: relation.name,
    oid: found.oid,
    kind: KINDS[found.kind] ?? "other",
    what: OTHER_KINDS[found.kind] ?? `a ${KINDS[found.kind] ?? "relation"}`,
    definition: found.definition,
    rules: found.rules,
    isUnlogged: found.unlogged === "true",
    partitionOf: found.partition_of === null ? null : (JSON.parse(found.partition_of) as RelationName),
    hasHeirs: found.heirs === "true",
    hidesRows: found.hides_rows === "true",
    readsBeyondRow: found.beyond_row === "true",
    readsSystemColumns: found.system_columns === "true",
    hidesRowsFromOwner: found.owner_security === "true",
    hasDeleteRule: found.delete_rule === "true",
    isRowByRow: found.row_by_row === "true",
    columns: columns.map((column) => ({
      name: column.name,
      number: column.number,
      type: resolveType(column, column.display),
      typeSql: column.type_sql,
      wide: column.wide,
    })),
  };
}

function noneIfUntranslatable(error: unknown): [] {
  if (isUntranslatable(error)) return [];
  throw error;
}

/** What a view's rules refer to, through other views too: relations, and the numbers of their columns. */
const USED_BY_VIEW = `
  WITH RECURSIVE used (oid, number) AS (
    SELECT $1::text::oid, 0
    UNION
    SELECT d.refobjid, d.refobjsubid
      FROM used u
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = u.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> u.oid)`;

/** The tables under a view. */
export async function readBaseTables(sql: Sql, viewOid: string): Promise<RelationName[]> {
  return sql.unsafe<RelationName[]>(
    `${USED_BY_VIEW}
     SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
       FROM used u
       JOIN pg_catalog.pg_class c ON c.oid = u.oid AND c.relkind <> 'v' AND c.oid <> $1::text::oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      ORDER BY 1, 2`,
    [viewOid],
  );
}
