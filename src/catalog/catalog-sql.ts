import { PINNED_CATALOG } from "./pinned-catalog.js";
import { relationFacts } from "./relation-sql.js";
import { trackingOf } from "./tracking-sql.js";
import { TYPE } from "./type-sql.js";
import { UNMIGRATED, type CatalogFunctions } from "./unmigrated-sql.js";

const MIGRATED: CatalogFunctions = {
  pinned: PINNED_CATALOG,
  primaryKey: (oid) => `datahub_sync.primary_key(${oid})`,
  orderKey: (oid, key) => `datahub_sync.order_key(${oid}, ${key})`,
  unvalidated: (oid, key) => `datahub_sync.unvalidated_columns(${oid}, ${key})`,
  keyExpression: (oid, key) => `datahub_sync.key_expression(${oid}, ${key}, 'r')`,
  keyParts: (oid, key) =>
    `(SELECT json_agg(p ORDER BY p.place) FROM datahub_sync.key_parts(${oid}, ${key}) p)`,
  tracking: trackingOf,
  files: (oid) => `datahub_sync.describe_files(${oid})`,
  partitions: (oid) => `datahub_sync.describe_partitions(${oid})`,
};

const BASES_OF_VIEWS = `
  -- What a view's rules refer to, through other views too.
  used (top, oid) AS (
    SELECT oid, oid FROM named WHERE relkind = 'v'
    UNION
    SELECT u.top, d.refobjid
      FROM used u
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = u.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> u.oid),
  -- The tables under a view.
  below AS (
    SELECT u.top, array_agg(c.oid ORDER BY n.nspname, c.relname) AS oids,
           json_agg(json_build_object('schema', n.nspname, 'name', c.relname) ORDER BY n.nspname, c.relname) AS names
      FROM used u
      JOIN pg_catalog.pg_class c ON c.oid = u.oid AND c.relkind <> 'v' AND c.oid <> u.top
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     GROUP BY u.top),`;

/**
 * The key of what no trigger can watch: of a materialized view the columns of a unique index, those that are configured or the
 * first; of others those that are configured, if they are there. Whether they are NULL or twice there, its runs look.
 */
const ownKey = `CASE
    WHEN k.relkind = 'm' THEN (
      SELECT array_agg(a.attname::text ORDER BY n.position)
        FROM (SELECT x.* FROM pg_catalog.pg_index x
               WHERE x.indrelid = k.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
                 AND (k.key IS NULL OR
                      (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
                         FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS n (attnum, position)
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = n.attnum
                        WHERE n.position <= x.indnkeyatts)
                    = (SELECT array_agg(name ORDER BY name COLLATE "C") FROM unnest(k.key) AS name))
               ORDER BY x.indexrelid LIMIT 1) i
       CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS n (attnum, position)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n.attnum
       WHERE n.position <= i.indnkeyatts)
    WHEN NOT EXISTS (SELECT FROM unnest(k.key) AS name WHERE name NOT IN (
           SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = k.oid AND attnum > 0 AND NOT attisdropped))
    THEN k.key END`;

/** What a run has to know of a relation that is compared by itself, without a table whose changes are logged. */
const ofItself = (ours: CatalogFunctions): string => `CASE WHEN k.relkind IN ('v', 'm', 'f') THEN (
    SELECT json_build_object(
        'orderedKey', own.key, 'files', ${ours.files("k.oid")}, 'partitions', ${ours.partitions("k.oid")},
        'keyExpression', CASE WHEN own.key IS NOT NULL THEN ${ours.keyExpression("k.oid", "own.key")} END,
        'keyParts', CASE WHEN own.key IS NOT NULL THEN ${ours.keyParts("k.oid", "own.key")} END)
      FROM (SELECT ${ownKey} AS key) AS own) END`;

const VIEW_TREES = `CASE WHEN k.relkind = 'v' THEN
        (SELECT json_agg(json_build_object('view', w.ev_class::text, 'tree', w.ev_action::text))
           FROM used u JOIN pg_catalog.pg_rewrite w ON w.ev_class = u.oid AND w.ev_type = '1' WHERE u.top = k.oid) END`;

/**
 * What a run has to know of any number of relations, in one statement and so in one snapshot of the catalog. $1 is a
 * JSON list of the relations asked for, each with its place, the base and the key that the configuration names. Each row
 * is a kind (`mirror`, `relation` or `type`) and JSON. Every part hangs on `asked`, whose condition pins what the
 * catalog is printed by.
 * @param views whether views, or others that are no tables, are among them: what has to be known of those takes as long to plan as all the rest
 */
const catalogSql = (views: boolean, ours: CatalogFunctions): string => `
  WITH RECURSIVE
  asked AS MATERIALIZED (
    SELECT a.* FROM json_to_recordset($1::text::json)
      AS a (place integer, schema text, name text, base_schema text, base_name text, key text[])
     WHERE ${ours.pinned}),
  named AS MATERIALIZED (
    SELECT a.*, c.oid, c.relkind,
           (SELECT b.oid FROM pg_catalog.pg_class b JOIN pg_catalog.pg_namespace n ON n.oid = b.relnamespace
             WHERE n.nspname = a.base_schema AND b.relname = a.base_name) AS named_base
      FROM asked a
      JOIN pg_catalog.pg_namespace s ON s.nspname = a.schema
      JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = a.name),
${views ? BASES_OF_VIEWS : ""}
  based AS MATERIALIZED (
    SELECT n.*, ${views ? "below.names" : "NULL::json AS names"},
           CASE ${views ? "WHEN n.relkind = 'v' THEN CASE WHEN cardinality(below.oids) = 1 THEN below.oids[1] END" : ""}
                WHEN n.base_name IS NOT NULL THEN n.named_base ELSE n.oid END AS base
      FROM named n ${views ? "LEFT JOIN below ON below.top = n.oid" : ""}),
  keyed AS MATERIALIZED (
    SELECT b.*, k.named_key, o.ordered_key
      FROM based b
      LEFT JOIN pg_catalog.pg_class t ON t.oid = b.base AND t.relkind IN ('r', 'p')
      CROSS JOIN LATERAL (SELECT coalesce(b.key, CASE WHEN t.oid IS NOT NULL THEN ${ours.primaryKey("t.oid")} END) AS named_key) k
      CROSS JOIN LATERAL (SELECT CASE WHEN t.oid IS NOT NULL THEN ${ours.orderKey("t.oid", "k.named_key")} END AS ordered_key) o),
  relations AS MATERIALIZED (SELECT oid FROM named UNION SELECT base FROM based WHERE base IS NOT NULL),
  types (oid) AS (
    SELECT a.atttypid FROM pg_catalog.pg_attribute a JOIN relations ON relations.oid = a.attrelid
     WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT part.oid FROM types JOIN pg_catalog.pg_type t ON t.oid = types.oid
     CROSS JOIN LATERAL (
       SELECT CASE WHEN t.typcategory = 'A' THEN t.typelem END UNION ALL SELECT t.typbasetype
       UNION ALL SELECT rngsubtype FROM pg_catalog.pg_range WHERE t.oid IN (rngtypid, rngmultitypid)
       UNION ALL SELECT atttypid FROM pg_catalog.pg_attribute
                  WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) AS part (oid)
     WHERE part.oid <> 0)
  SELECT 'mirror' AS kind, json_build_object(
      'place', k.place, 'relation', k.oid::text, 'base', k.base::text, 'basesOfView', k.names,
      'namedKey', k.named_key, 'orderedKey', k.ordered_key,
      'unvalidated', CASE WHEN k.ordered_key IS NULL AND k.named_key IS NOT NULL THEN
        (SELECT json_agg(json_build_object('column', column_name, 'constraint', constraint_name))
           FROM ${ours.unvalidated("k.base", "k.named_key")}) END,
      'keyExpression', CASE WHEN k.ordered_key IS NOT NULL THEN ${ours.keyExpression("k.base", "k.ordered_key")} END,
      'keyParts', CASE WHEN k.ordered_key IS NOT NULL THEN ${ours.keyParts("k.base", "k.ordered_key")} END,
      'viewTrees', ${views ? VIEW_TREES : "NULL"},
      'ofItself', ${views ? ofItself(ours) : "NULL"},
      'tracking', ${ours.tracking("k.base")},
      'files', CASE WHEN k.ordered_key IS NOT NULL THEN ${ours.files("k.base")} END,
      'partitions', CASE WHEN k.ordered_key IS NOT NULL THEN ${ours.partitions("k.base")} END,
      'generated', CASE WHEN k.ordered_key IS NOT NULL THEN ${generationInputs("k.base")} END)::text AS fact
    FROM keyed k
  UNION ALL
  SELECT 'relation', ${relationFacts(views)}::text
    FROM relations JOIN pg_catalog.pg_class c ON c.oid = relations.oid
    JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
  UNION ALL
  SELECT 'type', ${TYPE}::text
    FROM types JOIN pg_catalog.pg_type t ON t.oid = types.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`;

export const CATALOG_SQL = catalogSql(false, MIGRATED);
export const CATALOG_WITH_VIEWS_SQL = catalogSql(true, MIGRATED);
/** The same of a database that lacks the schema `datahub_sync`. */
export const UNMIGRATED_CATALOG_SQL = catalogSql(true, UNMIGRATED);

/**
 * What generated columns are computed from. A partition may compute its column otherwise than the partitioned table does.
 * Up to Postgres 14 the column depends on the others, from 15 on its expression does.
 */
function generationInputs(oid: string): string {
  return `(
    SELECT json_agg(DISTINCT jsonb_build_object('generated', g.attname, 'input', i.attname))
      FROM pg_catalog.pg_attrdef e
      JOIN pg_catalog.pg_attribute g ON g.attrelid = e.adrelid AND g.attnum = e.adnum AND g.attgenerated <> ''
      JOIN pg_catalog.pg_depend d ON (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
                      OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = e.adrelid AND d.objsubid = e.adnum)
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = e.adrelid
      JOIN pg_catalog.pg_attribute i ON i.attrelid = d.refobjid AND i.attnum = d.refobjsubid AND i.attnum <> g.attnum
     WHERE e.adrelid = ${oid}
        OR e.adrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(${oid})))`;
}
