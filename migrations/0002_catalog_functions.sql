-- What a tracked table looks like, in one place for `track`, `untrack` and the runs that check it.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- The canonical key text of a row: the column's text, or with several columns their texts joined by commas, with
-- commas and backslashes inside them escaped, so that different keys never share a text. Returns the SQL expression,
-- with backslashes that mean the same whatever standard_conforming_strings is for the session that writes.
-- An index has to name its text columns apart: Postgres drops a cast from text to text, and with it what lets the owner
-- change the column's type, since the index would be built again over a number. Two casts stay, and the planner takes
-- them for none.
CREATE FUNCTION datahub_sync.key_expression(key_columns text[], row_alias text, text_columns text[] DEFAULT '{}')
RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
  SELECT CASE cardinality(key_columns)
    WHEN 1 THEN max(part)
    ELSE string_agg(format($part$replace(replace(%s COLLATE "C", E'\\', E'\\\\'), ',', E'\\,')$part$, part),
                    $comma$ || ',' || $comma$ ORDER BY position)
  END
    FROM (SELECT format(CASE WHEN name = ANY (text_columns) THEN '((%s.%I)::varchar)::text' ELSE '(%s.%I)::text' END,
                        row_alias, name), position
            FROM unnest(key_columns) WITH ORDINALITY AS key (name, position)) AS parts (part, position);
$function$;
--> statement-breakpoint
-- The columns that decide what tracking compares: a change of this list means that changes may go unmarked. The
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
-- Our triggers on the table and its partitions, with their functions. `xmin` changes when a trigger is disabled and
-- enabled again, and when a function is replaced.
CREATE FUNCTION datahub_sync.describe_triggers(relation regclass) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'table', tgrelid::bigint, 'name', tgname, 'oid', t.oid::bigint, 'xmin', t.xmin::text, 'enabled', tgenabled,
           'function', p.oid::bigint, 'functionXmin', p.xmin::text)
         ORDER BY tgrelid::bigint, tgname), '[]')
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE starts_with(tgname::text, 'zzz_datahub_sync_')
     AND (tgrelid = relation OR tgrelid IN (SELECT relid FROM pg_partition_tree(relation)));
$function$;
--> statement-breakpoint
-- The key to use when none is named: the primary key's columns in their order, or null.
CREATE FUNCTION datahub_sync.primary_key(relation regclass) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT array_agg(a.attname::text ORDER BY k.position)
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
   WHERE i.indrelid = relation AND i.indisprimary AND k.position <= i.indnkeyatts;
$function$;
--> statement-breakpoint
-- Whether the columns identify a row: each NOT NULL, and together exactly a valid unique index without a condition.
CREATE FUNCTION datahub_sync.is_key(relation regclass, key_columns text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT coalesce((SELECT bool_and(attnotnull) AND count(*) = cardinality(key_columns)
                     FROM pg_attribute
                    WHERE attrelid = relation AND attname = ANY (key_columns) AND attnum > 0), false)
     AND EXISTS (
           SELECT FROM pg_index i
            WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
              AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C")
                     FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
                     JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum
                    WHERE k.position <= i.indnkeyatts)
                = (SELECT array_agg(name ORDER BY name COLLATE "C") FROM unnest(key_columns) AS name));
$function$;
