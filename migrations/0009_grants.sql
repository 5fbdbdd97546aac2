-- Who may do what. Writers of tracked tables append to the log; everything else is the runner's.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA datahub_sync FROM PUBLIC;
--> statement-breakpoint
GRANT USAGE ON SCHEMA datahub_sync TO PUBLIC;
--> statement-breakpoint
-- Trigger functions run as the writer, so that no type of his runs as us. What he may append decides nothing: a run looks
-- whether the key exists. When it was appended is not his to say: the transaction's id is the column's default.
GRANT INSERT (tracked_id, kind, key) ON datahub_sync.changes TO PUBLIC;
--> statement-breakpoint
-- Whoever creates a partition, or truncates, makes or fires this trigger.
GRANT EXECUTE ON FUNCTION datahub_sync.note_truncate() TO PUBLIC;
--> statement-breakpoint
-- For a role that runs `sync` and `status` but does not own the tables: call once, as the role that ran `migrate`.
-- It still needs SELECT on the mirrored relations and their base tables.
CREATE FUNCTION datahub_sync.grant_runner(runner regrole) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA datahub_sync TO %s', runner);
  EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON datahub_sync.source, datahub_sync.tracked_tables,
    datahub_sync.tracking_claims FROM %s', runner);
  EXECUTE format('GRANT EXECUTE ON FUNCTION datahub_sync.pin_output(), datahub_sync.key_digest(text), datahub_sync.key_expression(regclass, text[], text),
    datahub_sync.key_parts(regclass, text[]), datahub_sync.key_index(regclass, text[]), datahub_sync.order_key(regclass, text[]),
    datahub_sync.number_key(text, text), datahub_sync.time_key(text, text, text), datahub_sync.sorts_by_bytes(oid),
    datahub_sync.describe_columns(regclass), datahub_sync.describe_triggers(regclass, integer),
    datahub_sync.describe_partitions(regclass), datahub_sync.describe_files(regclass),
    datahub_sync.primary_key(regclass), datahub_sync.unvalidated_columns(regclass, text[]) TO %s', runner);
END;
$function$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION datahub_sync.grant_runner(regrole) FROM PUBLIC;
