-- What runs inside other people's statements, and inside ours.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
INSERT INTO datahub_sync.source DEFAULT VALUES ON CONFLICT DO NOTHING;
--> statement-breakpoint
-- Every writer of a tracked table holds a lock on the log: VACUUM must not take the exclusive one by which it gives
-- empty pages at the end back. What is purged is filled again. Vacuumed by its number of dead entries, not by a share:
-- the log may just have been purged of a million.
ALTER TABLE datahub_sync.changes SET (
  vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
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
-- TRUNCATE names no rows, so the table's next run compares all keys. The argument is the tracked table's id. It runs as
-- whoever truncates, as all trigger functions here do: writers may append to the log, and nothing else.
CREATE FUNCTION datahub_sync.note_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  INSERT INTO datahub_sync.changes (tracked_id, kind) VALUES (TG_ARGV[0]::integer, 'c');
  RETURN NULL;
END;
$function$;
