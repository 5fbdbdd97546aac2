-- Who may do what. Writers of tracked tables need to reach one function; everything else is the runner's.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA datahub_sync FROM PUBLIC;
--> statement-breakpoint
-- The stamp function runs as the writer, and reports the old key when a key changes.
GRANT USAGE ON SCHEMA datahub_sync TO PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION datahub_sync.record_deletion(integer, text) TO PUBLIC;
--> statement-breakpoint
-- For a role that runs `sync` and `status` but does not own the tables: call once, as the role that ran `migrate`.
-- It still needs SELECT on the mirrored relations and their base tables.
CREATE FUNCTION datahub_sync.grant_runner(runner regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA datahub_sync TO %s', runner);
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON datahub_sync.source, datahub_sync.tracked_tables FROM %s', runner);
  EXECUTE format('GRANT EXECUTE ON FUNCTION datahub_sync.pin_output(), datahub_sync.key_expression(text[], text, text[]),
    datahub_sync.describe_columns(regclass), datahub_sync.describe_triggers(regclass),
    datahub_sync.needs_key_index(regclass, text[]), datahub_sync.lacks_index(regclass, text[]),
    datahub_sync.primary_key(regclass), datahub_sync.is_key(regclass, text[]) TO %s', runner);
END;
$function$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION datahub_sync.grant_runner(regrole) FROM PUBLIC;
