-- What the triggers of a tracked table do, as text that is made for each table.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- SQL: these columns of OLD or NEW as one record.
CREATE FUNCTION datahub_sync.row_of(row_alias text, quoted_names text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT format('CAST(ROW(%s) AS pg_catalog.record)', string_agg(row_alias || '.' || name, ', ' ORDER BY place))
    FROM unnest(quoted_names) WITH ORDINALITY AS names (name, place);
$function$;
--> statement-breakpoint
-- SQL: whether these columns have the same images in OLD and NEW. Images, so that 1.0 differs from 1.00 and no type lacks
-- an equality; column by column, since naming NEW as a whole would fetch everything. Narrow columns first: where one of
-- them differs, no wide value is fetched. From Postgres 17 on a wide value that nobody wrote is told by its place.
CREATE FUNCTION datahub_sync.same_images(relation regclass, column_names text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
  WITH compared AS (
    SELECT format('%I', attname) AS name, attnum, attlen = -1 AND atttypmod = -1 AND attstorage <> 'p' AS wide,
           current_setting('server_version_num')::integer >= 170000 AND cardinality(column_names) <= 200 AS by_place
      FROM pg_attribute WHERE attrelid = relation AND attname = ANY (column_names) AND attnum > 0 AND NOT attisdropped),
  groups (names, place, by_place) AS (
    SELECT array_agg(name ORDER BY attnum), 0, false FROM compared WHERE NOT wide
    UNION ALL
    SELECT array_agg(name ORDER BY attnum), 1, by_place FROM compared WHERE wide
     GROUP BY by_place, CASE WHEN by_place THEN attnum END)
  SELECT coalesce(string_agg(
           format(CASE WHEN by_place
                    THEN '(pg_catalog.pg_column_toast_chunk_id(OLD.%3$s) OPERATOR(pg_catalog.=) pg_catalog.pg_column_toast_chunk_id(NEW.%3$s) OR %1$s OPERATOR(pg_catalog.*=) %2$s)'
                    ELSE '%1$s OPERATOR(pg_catalog.*=) %2$s' END,
             datahub_sync.row_of('OLD', names), datahub_sync.row_of('NEW', names), names[1]),
           E'\n          AND ' ORDER BY place, names), 'true')
    FROM groups WHERE names IS NOT NULL;
$function$;
--> statement-breakpoint
-- The table's own `updated_at`, where it has one that can follow the content.
CREATE FUNCTION datahub_sync.has_updated_at(relation regclass, key_columns text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT EXISTS (
    SELECT FROM pg_attribute
     WHERE attrelid = relation AND attname = 'updated_at' AND NOT attisdropped AND attgenerated = ''
       AND atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype) AND attname <> ALL (key_columns));
$function$;
--> statement-breakpoint
-- The AFTER trigger's function: it sees what all other triggers made of the row, and appends its key where a compared
-- column has another image. Comparison and key are computed inside a block that catches everything: whatever goes wrong
-- (a column dropped, renamed, retyped), the owner's statement goes on, and "unknown" is logged, which has everything
-- compared. The append stands outside of it: a write in a sub-transaction would take an xid a row.
CREATE FUNCTION datahub_sync.log_function(tracked integer, relation regclass, key_columns text[], compared_columns text[])
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
  SELECT format($body$
DECLARE
  logged_key pg_catalog.text;
  left_key pg_catalog.text;
  logged_kind pg_catalog.text := 'u';
BEGIN
  BEGIN
    IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
      IF %1$s THEN
        %2$s
      END IF;
      logged_key := %3$s;
      IF %4$s OPERATOR(pg_catalog.*<>) %5$s THEN
        left_key := %6$s;
        logged_kind := 'i';
      END IF;
    ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
      logged_kind := 'i';
      logged_key := %3$s;
    ELSE
      logged_kind := 'd';
      logged_key := %6$s;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    logged_kind := 'u';
    logged_key := NULL;
    left_key := NULL;
  END;
  INSERT INTO datahub_sync.changes (tracked_id, kind, key) VALUES (%7$s, logged_kind, logged_key);
  IF left_key IS NOT NULL THEN
    INSERT INTO datahub_sync.changes (tracked_id, kind, key) VALUES (%7$s, 'd', left_key);
  END IF;
  RETURN NULL;
END;$body$,
    datahub_sync.same_images(relation, array_remove(compared_columns, times)),
    CASE WHEN times IS NULL THEN 'RETURN NULL;' ELSE format(
      'IF %s OPERATOR(pg_catalog.*=) %s THEN RETURN NULL; END IF; logged_kind := ''t'';',
      datahub_sync.row_of('OLD', ARRAY[times]), datahub_sync.row_of('NEW', ARRAY[times])) END,
    datahub_sync.key_expression(relation, key_columns, 'NEW'),
    datahub_sync.row_of('OLD', quoted), datahub_sync.row_of('NEW', quoted),
    datahub_sync.key_expression(relation, key_columns, 'OLD'),
    tracked)
    FROM (SELECT CASE WHEN 'updated_at' = ANY (compared_columns) AND datahub_sync.has_updated_at(relation, key_columns)
                      THEN 'updated_at' END,
                 ARRAY (SELECT format('%I', name) FROM unnest(key_columns) AS name)) AS found (times, quoted);
$function$;
--> statement-breakpoint
-- The BEFORE UPDATE trigger's function of a table whose `updated_at` is `content`: a row that is set to what it was keeps
-- its `updated_at`, and its wide values keep their old places, which makes a rewrite with equal values several times
-- cheaper than without us. Nobody relies on it but the owner: the log compares for itself. All columns count, mirrored or
-- not, but those that every mirror ignores.
CREATE FUNCTION datahub_sync.content_function(relation regclass, key_columns text[], ignored_columns text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
  SELECT format($body$
BEGIN
  BEGIN
    IF %1$s THEN
      NEW.updated_at := OLD.updated_at;%2$s
    ELSIF %3$s OPERATOR(pg_catalog.*=) %4$s THEN
      NEW.updated_at := pg_catalog.now();
    END IF;
  EXCEPTION WHEN OTHERS THEN
    NULL; -- a column was dropped, renamed or retyped: the owner's statement does what it says
  END;
  RETURN NEW;
END;$body$,
    datahub_sync.same_images(relation, array_agg(attname::text)),
    string_agg(format(E'\n      NEW.%1$I := OLD.%1$I;', attname), '' ORDER BY attnum) FILTER (WHERE attstorage <> 'p'),
    datahub_sync.row_of('OLD', ARRAY['updated_at']), datahub_sync.row_of('NEW', ARRAY['updated_at']))
    FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> 'updated_at'
     AND (attname <> ALL (ignored_columns) OR attname = ANY (key_columns));
$function$;
