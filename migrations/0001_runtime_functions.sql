-- What runs inside other people's statements, and inside ours.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
INSERT INTO datahub_sync.source DEFAULT VALUES ON CONFLICT DO NOTHING;
--> statement-breakpoint
-- Pins everything that the text of a value depends on, for the rest of the transaction only: a pooler may hand
-- our session to somebody else, or hand us one that somebody else has set up. Used as `WHERE (SELECT pin_output())`:
-- an uncorrelated sub-select is a one-time filter, evaluated before the first row is fetched. The last two are for what
-- a view computes with to_char: no type's own text depends on them, and so no key, which other functions print.
CREATE FUNCTION datahub_sync.pin_output() RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  PERFORM set_config('TimeZone', 'UTC', true),
          set_config('DateStyle', 'ISO, MDY', true),
          set_config('IntervalStyle', 'postgres', true),
          set_config('extra_float_digits', '1', true),
          set_config('bytea_output', 'hex', true),
          set_config('lc_monetary', 'C', true),
          set_config('xmlbinary', 'base64', true),
          set_config('lc_time', 'C', true),
          set_config('lc_numeric', 'C', true);
  RETURN true;
END;
$function$;
--> statement-breakpoint
-- Records one deletion on behalf of whoever deletes: writers need no rights on our tables. A record alone deletes
-- nothing: a run first looks whether the key still exists.
CREATE FUNCTION datahub_sync.record_deletion(tracked integer, deleted_key text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
  INSERT INTO datahub_sync.deletions (tracked_id, kind, key)
  VALUES (tracked, CASE WHEN deleted_key IS NULL THEN 'unknown' ELSE 'row' END, deleted_key);
$function$;
--> statement-breakpoint
-- TRUNCATE names no rows, so the table's next run compares all keys. The argument is the tracked table's id.
CREATE FUNCTION datahub_sync.note_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  INSERT INTO datahub_sync.deletions (tracked_id, kind) VALUES (TG_ARGV[0]::integer, 'truncate');
  RETURN NULL;
END;
$function$;
