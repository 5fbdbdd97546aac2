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

/** What only views have, or answer otherwise than tables do. Long to plan, and so left out where there is none. */
const OF_VIEWS = `
    'definition', CASE WHEN c.relkind = 'v' THEN ${DEFINITIONS} END,
    'rules', CASE WHEN c.relkind = 'v' THEN ${RULES} ELSE ${TABLE_SECURITY} END,
    -- 16 is DELETE: Postgres can delete through a view without our saying how only where it is so simple.
    'isRowByRow', CASE WHEN c.relkind = 'v'
      THEN pg_catalog.pg_relation_is_updatable(c.oid, false) & 16 = 16 AND NOT ${SUBLINKS} ELSE true END,
    'readsBeyondRow', c.relkind = 'v' AND ${BEYOND_ROW},
    'readsSystemColumns', c.relkind = 'v' AND ${SYSTEM_COLUMNS},
    'hidesRowsFromOwner', c.relkind = 'v' AND ${OWNER_SECURITY},
    'hasDeleteRule', c.relkind = 'v' AND ${DELETE_RULE},`;

const OF_TABLES = `
    'definition', NULL, 'rules', ${TABLE_SECURITY}, 'isRowByRow', true,
    'readsBeyondRow', false, 'readsSystemColumns', false, 'hidesRowsFromOwner', false, 'hasDeleteRule', false,`;

/**
 * A relation `c` of the schema `s` as JSON.
 * @param views whether views may be among them; of one that is nevertheless there, what it is is all that holds
 */
export const relationFacts = (views: boolean): string => `json_build_object(
    'oid', c.oid::text, 'schema', s.nspname, 'name', c.relname, 'kind', c.relkind,${views ? OF_VIEWS : OF_TABLES}
    'isUnlogged', EXISTS (SELECT FROM pg_catalog.pg_class u
       WHERE u.relpersistence = 'u'
         AND (u.oid = c.oid OR u.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))),
    'partitionOf', CASE WHEN c.relispartition THEN
      (SELECT json_build_object('schema', n.nspname, 'name', p.relname)
         FROM pg_catalog.pg_class p JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
        WHERE p.oid = pg_catalog.pg_partition_root(c.oid)) END,
    'hasHeirs', c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = c.oid),
    'hidesRows', pg_catalog.row_security_active(c.oid),
    'estimatedRows', CASE WHEN c.relkind = 'r' AND c.reltuples >= 0 THEN c.reltuples END,
    'columns', (SELECT coalesce(json_agg(json_build_object(
                'name', a.attname, 'number', a.attnum, 'oid', a.atttypid::text, 'typmod', a.atttypmod,
                'display', format_type(a.atttypid, a.atttypmod),
                'typeSql', format('%I.%I', n.nspname, t.typname), 'wide', a.attstorage <> 'p') ORDER BY a.attnum), '[]')
         FROM pg_catalog.pg_attribute a
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))`;
