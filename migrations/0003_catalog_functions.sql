-- What a tracked table looks like, in one place for `track`, `untrack` and the runs that check it.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- The columns that decide what tracking compares: a change of this list means that changes may go unlogged. The
-- expression of a generated column belongs to it: a new one gives every row another value, and fires no trigger. How
-- names and constants are printed is pinned: the list that `track` wrote down is compared by another session.
CREATE FUNCTION datahub_sync.describe_columns(relation regclass) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, MDY' SET "IntervalStyle" = 'postgres' SET extra_float_digits = '1'
SET bytea_output = 'hex' SET lc_monetary = 'C' SET xmlbinary = 'base64' AS $function$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'number', attnum, 'name', attname, 'type', format_type(atttypid, atttypmod), 'generated', attgenerated,
           'expression', CASE WHEN attgenerated <> '' THEN
             (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum) END)
         ORDER BY attnum), '[]')
    FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped;
$function$;
--> statement-breakpoint
-- The triggers of a tracked table, on it and its partitions, with their functions. `xmin` changes when a trigger is
-- disabled and enabled again; that of a function would change with each grant.
CREATE FUNCTION datahub_sync.describe_triggers(relation regclass, tracked integer) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'table', tgrelid::bigint, 'name', tgname, 'oid', t.oid::bigint, 'xmin', t.xmin::text, 'enabled', tgenabled,
           'function', p.oid::bigint, 'does', md5(concat_ws(';', prosrc, proconfig::text)))
         ORDER BY tgrelid::bigint, tgname), '[]')
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE starts_with(tgname::text, format('zzz_datahub_sync_%s_', tracked))
     AND (tgrelid = relation OR tgrelid IN (SELECT relid FROM pg_partition_tree(relation)));
$function$;
--> statement-breakpoint
-- The partitions that a table is made of now, as one short text. A statement that reads rows says it too: its snapshot
-- of the catalog is that of the rows.
CREATE FUNCTION datahub_sync.describe_partitions(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  WITH RECURSIVE parts (oid) AS (
    SELECT relation::oid
    UNION ALL
    SELECT inhrelid FROM pg_inherits JOIN parts ON parts.oid = inhparent)
  SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM parts;
$function$;
--> statement-breakpoint
-- Which writings of the catalog are in force: the files of a table and its partitions, and who wrote the rows of the
-- catalog that say what its columns, their defaults and the labels of its enums are. What was changed and put back is the
-- same again, and what a run read meanwhile was not.
CREATE FUNCTION datahub_sync.describe_files(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  WITH RECURSIVE parts AS (SELECT relation::oid AS oid UNION SELECT relid FROM pg_partition_tree(relation)),
       types (oid) AS (
         SELECT atttypid FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
         UNION
         SELECT part.oid FROM types JOIN pg_type t ON t.oid = types.oid
          CROSS JOIN LATERAL (SELECT t.typelem UNION ALL SELECT t.typbasetype
            UNION ALL SELECT rngsubtype FROM pg_range WHERE t.oid IN (rngtypid, rngmultitypid)
            UNION ALL SELECT atttypid FROM pg_attribute WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0
              AND NOT attisdropped) AS part (oid)
          WHERE part.oid <> 0)
  SELECT md5(concat_ws(';',
    (SELECT string_agg(oid || ':' || relfilenode, ',' ORDER BY oid) FROM pg_class WHERE oid IN (SELECT oid FROM parts)),
    (SELECT string_agg(attnum || ':' || xmin, ',' ORDER BY attnum) FROM pg_attribute
      WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped),
    (SELECT string_agg(e.oid || ':' || e.xmin, ',' ORDER BY e.oid) FROM pg_attrdef e
       JOIN pg_attribute g ON g.attrelid = adrelid AND g.attnum = adnum AND g.attgenerated <> ''
      WHERE adrelid IN (SELECT oid FROM parts)),
    (SELECT string_agg(oid || ':' || xmin, ',' ORDER BY oid) FROM pg_enum WHERE enumtypid IN (SELECT oid FROM types))));
$function$;
