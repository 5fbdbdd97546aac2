-- Makes the triggers of a tracked table, in few and short locks.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- Waits until nobody is in the middle of writing to these tables, and keeps writers out until the end of the transaction: who
-- began under the old triggers has ended before the next snapshot is taken. All locks come before anything is changed, and
-- within one span of time: whoever waits for a lock holds up everybody who comes later.
CREATE FUNCTION datahub_sync.keep_writers_out(relations regclass[], patience interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  until timestamptz := clock_timestamp() + patience;
  part regclass;
  remaining integer;
BEGIN
  FOREACH part IN ARRAY relations LOOP
    remaining := ceil(extract(epoch FROM until - clock_timestamp()) * 1000);
    IF remaining < 1 THEN
      RAISE lock_not_available USING MESSAGE = format('writers of %s were waited for as long as that may take', relations[1]);
    END IF;
    PERFORM set_config('lock_timeout', remaining || 'ms', true);
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', part);
  END LOOP;
END;
$function$;
--> statement-breakpoint
-- Whether a trigger function of ours is as it should be.
CREATE FUNCTION datahub_sync.is_function(name text, body text, settings text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT EXISTS (SELECT FROM pg_proc WHERE oid = to_regprocedure(format('datahub_sync.%I()', name))
                    AND prosrc = body AND proconfig IS NOT DISTINCT FROM settings AND prolang = (
                      SELECT oid FROM pg_language WHERE lanname = 'plpgsql'));
$function$;
--> statement-breakpoint
-- Triggers and functions carry the tracked id in their names, so that a table that is tracked by itself can become a
-- partition of one that is tracked too. ALWAYS: also under logical replication, but for the one that changes rows: there
-- it would make them differ from the publisher's. What is in place is not touched, and its writers are not waited for.
CREATE FUNCTION datahub_sync.create_triggers(
  tracked integer, relation regclass, key_columns text[], compared_columns text[], ignored_columns text[], with_content boolean,
  retyped boolean, patience interval
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
DECLARE
  -- Pinned where the text of a key depends on settings: it costs each writer a little for each row.
  settings text[] := CASE WHEN (SELECT bool_and(pinned) FROM datahub_sync.key_parts(relation, key_columns)) THEN NULL
    ELSE ARRAY['TimeZone=UTC', 'DateStyle=ISO, MDY', 'IntervalStyle=postgres', 'extra_float_digits=1', 'bytea_output=hex', 'lc_monetary=C'] END;
  set_clauses text := (SELECT string_agg(format(' SET %I = %L', split_part(setting, '=', 1), split_part(setting, '=', 2)), '')
                         FROM unnest(settings) AS setting);
  log_name text := format('zzz_datahub_sync_%s_log', tracked);
  content_name text := format('zzz_datahub_sync_%s_content', tracked);
  truncate_name text := format('zzz_datahub_sync_%s_truncate', tracked);
  log_function text := format('log_%s', tracked);
  content_function text := format('content_%s', tracked);
  log_body text := datahub_sync.log_function(tracked, relation, key_columns, compared_columns);
  content_body text := CASE WHEN with_content THEN datahub_sync.content_function(relation, key_columns, ignored_columns) END;
  -- The table, then its partitions.
  parts regclass[] := ARRAY(SELECT part FROM (SELECT relation UNION SELECT relid FROM pg_partition_tree(relation)) AS tree (part)
                             ORDER BY part <> relation, part::oid);
  has_functions boolean;
  has_triggers boolean;
  lacking regclass[];
  part regclass;
BEGIN
  -- A function that is replaced is compiled anew by every session: none goes on with the types that columns had before.
  has_functions := NOT retyped AND datahub_sync.is_function(log_function, log_body, settings)
    AND (NOT with_content OR datahub_sync.is_function(content_function, content_body, NULL));
  -- The numbers are pg_trigger.tgtype: after each INSERT, UPDATE and DELETE of a row; before each UPDATE; after TRUNCATE.
  has_triggers := has_functions
    AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = log_name AND tgtype = 29 AND tgqual IS NOT NULL
                   AND tgfoid = to_regprocedure(format('datahub_sync.%I()', log_function)))
    AND with_content = EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = content_name AND tgtype = 19
                                  AND tgqual IS NULL
                                  AND tgfoid = to_regprocedure(format('datahub_sync.%I()', content_function)))
    AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ANY (parts) AND tgname = content_name AND tgenabled <> 'O');
  lacking := ARRAY(
    SELECT each FROM unnest(parts) WITH ORDINALITY AS all_parts (each, place)
     WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = each AND tgname = truncate_name AND tgtype = 32
                          AND tgenabled = 'A' AND tgfoid = 'datahub_sync.note_truncate()'::regprocedure)
        OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = each AND tgname = log_name AND tgenabled = 'A')
     ORDER BY place);
  PERFORM datahub_sync.keep_writers_out(CASE WHEN has_triggers THEN lacking ELSE parts END, patience);

  IF NOT has_functions THEN
    EXECUTE format('CREATE OR REPLACE FUNCTION datahub_sync.%I() RETURNS trigger LANGUAGE plpgsql%s AS %L',
                   log_function, set_clauses, log_body);
    -- Whoever creates a partition creates its triggers.
    EXECUTE format('GRANT EXECUTE ON FUNCTION datahub_sync.%I() TO PUBLIC', log_function);
    IF with_content THEN
      EXECUTE format('CREATE OR REPLACE FUNCTION datahub_sync.%I() RETURNS trigger LANGUAGE plpgsql AS %L',
                     content_function, content_body);
      EXECUTE format('GRANT EXECUTE ON FUNCTION datahub_sync.%I() TO PUBLIC', content_function);
    END IF;
  END IF;
  IF NOT has_triggers THEN
    -- The condition is always true. It ties the trigger to the log: nobody drops that alone, and with CASCADE the triggers go
    -- along, where otherwise every write would fail.
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s
                    FOR EACH ROW WHEN (NULL::datahub_sync.changes IS NULL) EXECUTE FUNCTION datahub_sync.%I()',
                   log_name, relation, log_function);
    IF with_content THEN
      -- BEFORE triggers fire in the order of their names, and this one has to see what the others made of the row.
      EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON %s
                      FOR EACH ROW EXECUTE FUNCTION datahub_sync.%I()', content_name, relation, content_function);
      FOREACH part IN ARRAY parts LOOP
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', part, content_name);
      END LOOP;
    ELSIF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgname = content_name) THEN
      BEGIN
        -- It takes a lock that readers hold off, too. Who has little patience disables what the next migrate drops.
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE%s', relation,
                       CASE WHEN patience < interval '1 second' THEN ' NOWAIT' ELSE '' END);
        EXECUTE format('DROP TRIGGER %I ON %s', content_name, relation);
        EXECUTE format('DROP FUNCTION IF EXISTS datahub_sync.%I()', content_function);
      EXCEPTION WHEN lock_not_available THEN
        IF patience >= interval '1 second' THEN
          RAISE;
        END IF;
        FOREACH part IN ARRAY parts LOOP
          EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', part, content_name);
        END LOOP;
      END;
    END IF;
  END IF;
  -- TRUNCATE of one partition fires that partition's trigger only.
  FOREACH part IN ARRAY CASE WHEN has_triggers THEN lacking ELSE parts END LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER TRUNCATE ON %s
                    FOR EACH STATEMENT WHEN (NULL::datahub_sync.changes IS NULL)
                    EXECUTE FUNCTION datahub_sync.note_truncate(%L)', truncate_name, part, tracked);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I, ENABLE ALWAYS TRIGGER %I', part, log_name, truncate_name);
  END LOOP;
END;
$function$;
