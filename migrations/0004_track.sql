-- track(relation, key columns, …): from now on every change of content is logged. It adds triggers to the table and nothing
-- else.
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
--> statement-breakpoint
-- Triggers and functions carry the tracked id in their names, so that a table that is tracked by itself can become a
-- partition of one that is tracked too. ALWAYS: also under logical replication, but for the one that changes rows: there
-- it would make them differ from the publisher's.
CREATE FUNCTION datahub_sync.create_triggers(
  tracked integer, relation regclass, key_columns text[], compared_columns text[], ignored_columns text[], with_content boolean
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
DECLARE
  -- Pinned where the text of a key depends on settings: it costs each writer a little for each row.
  settings text := CASE WHEN (SELECT bool_and(pinned) FROM datahub_sync.key_parts(relation, key_columns)) THEN ''
    ELSE ' SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO, MDY'' SET "IntervalStyle" = ''postgres'''
      || ' SET extra_float_digits = ''1'' SET bytea_output = ''hex'' SET lc_monetary = ''C''' END;
  log_name text := format('zzz_datahub_sync_%s_log', tracked);
  content_name text := format('zzz_datahub_sync_%s_content', tracked);
  truncate_name text := format('zzz_datahub_sync_%s_truncate', tracked);
  part regclass;
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION datahub_sync.log_%s() RETURNS trigger LANGUAGE plpgsql%s AS %L', tracked, settings,
    datahub_sync.log_function(tracked, relation, key_columns, compared_columns));
  -- Whoever creates a partition creates its triggers.
  EXECUTE format('GRANT EXECUTE ON FUNCTION datahub_sync.log_%s() TO PUBLIC', tracked);
  -- The condition is always true. It ties the trigger to the log: nobody drops that alone, and with CASCADE the triggers go
  -- along, where otherwise every write would fail.
  EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s
                  FOR EACH ROW WHEN (NULL::datahub_sync.changes IS NULL) EXECUTE FUNCTION datahub_sync.log_%s()',
                 log_name, relation, tracked);
  IF with_content THEN
    EXECUTE format('CREATE OR REPLACE FUNCTION datahub_sync.content_%s() RETURNS trigger LANGUAGE plpgsql AS %L', tracked,
      datahub_sync.content_function(relation, key_columns, ignored_columns));
    EXECUTE format('GRANT EXECUTE ON FUNCTION datahub_sync.content_%s() TO PUBLIC', tracked);
    -- BEFORE triggers fire in the order of their names, and this one has to see what the others made of the row.
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON %s
                    FOR EACH ROW EXECUTE FUNCTION datahub_sync.content_%s()', content_name, relation, tracked);
  ELSE
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', content_name, relation);
    EXECUTE format('DROP FUNCTION IF EXISTS datahub_sync.content_%s()', tracked);
  END IF;

  -- TRUNCATE of one partition fires that partition's trigger only.
  FOR part IN SELECT relation UNION SELECT relid FROM pg_partition_tree(relation) LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER TRUNCATE ON %s
                    FOR EACH STATEMENT WHEN (NULL::datahub_sync.changes IS NULL)
                    EXECUTE FUNCTION datahub_sync.note_truncate(%L)', truncate_name, part, tracked);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I, ENABLE ALWAYS TRIGGER %I', part, log_name, truncate_name);
  END LOOP;
END;
$function$;
--> statement-breakpoint
-- Idempotent: a table that is tracked as asked, with everything in place, is not touched or locked. Otherwise the
-- generation rises, which makes the table's next run full. Needs the table's owner. Returns the tracked table's id.
--   compared_columns  what the caller mirrors; null: everything but the ignored columns
--   updated_at_mode   'content', 'as-written', or 'none' where it is not mirrored
--   target            on whose behalf: what several deployments mirror is compared together. Null: on nobody's, which is
--                     forgotten as soon as a deployment says what it mirrors
CREATE FUNCTION datahub_sync.track(
  relation regclass, key_columns text[] DEFAULT NULL, ignored_columns text[] DEFAULT '{}',
  compared_columns text[] DEFAULT NULL, updated_at_mode text DEFAULT 'as-written', target text DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
#variable_conflict use_column
DECLARE
  table_class pg_class;
  known datahub_sync.tracked_tables;
  table_schema text;
  wanted_mode text;
BEGIN
  SELECT * INTO table_class FROM pg_class WHERE oid = relation;
  table_schema := (SELECT nspname FROM pg_namespace WHERE oid = table_class.relnamespace);
  IF table_class.relkind NOT IN ('r', 'p') OR table_class.relpersistence = 't' THEN
    RAISE EXCEPTION '% cannot be tracked: it is not an ordinary or partitioned table', relation
      USING HINT = 'A view is mirrored through its base table: name that table as "base" in the configuration.';
  END IF;
  IF table_class.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = relation) THEN
    RAISE EXCEPTION '% cannot be tracked: other tables inherit from it', relation
      USING HINT = 'Track the inheriting tables themselves, or turn them into partitions.';
  END IF;
  key_columns := datahub_sync.order_key(relation, coalesce(key_columns, datahub_sync.primary_key(relation)));
  IF key_columns IS NULL THEN
    RAISE EXCEPTION '% has no key to mirror by', relation
      USING HINT = 'Add a primary key, or name columns that are NOT NULL and carry a unique index as "key".';
  END IF;
  IF updated_at_mode NOT IN ('content', 'as-written', 'none') THEN
    RAISE EXCEPTION 'updated_at_mode is content, as-written or none, not %', updated_at_mode;
  END IF;

  INSERT INTO datahub_sync.tracked_tables AS t (relation_oid, schema_name, table_name, key_columns, compared_columns,
                                                ignored_columns, updated_at_mode, columns, triggers, generation)
  VALUES (relation, table_schema, table_class.relname, '{}', '{}', '{}', 'none', '[]', '[]', 0)
  ON CONFLICT (relation_oid) DO NOTHING;
  -- Locked first: two that track one table take turns, and neither replaces a function that the other one replaces.
  SELECT * INTO known FROM datahub_sync.tracked_tables WHERE relation_oid = relation FOR UPDATE;
  PERFORM datahub_sync.forget_dropped_tables();

  SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}') INTO compared_columns
    FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
     AND CASE WHEN track.compared_columns IS NULL THEN attname <> ALL (track.ignored_columns)
              ELSE attname = ANY (track.compared_columns) END;
  IF NOT datahub_sync.has_updated_at(relation, key_columns) THEN
    updated_at_mode := 'none';
  END IF;
  IF target IS NOT NULL THEN
    -- What was tracked before anybody said for whom was for whoever comes first.
    DELETE FROM datahub_sync.tracking_claims AS c WHERE c.tracked_id = known.id AND c.target = '' AND track.target <> '';
    INSERT INTO datahub_sync.tracking_claims AS c (tracked_id, target, columns, ignored, updated_at_mode)
    VALUES (known.id, track.target, track.compared_columns, track.ignored_columns, track.updated_at_mode)
    ON CONFLICT ON CONSTRAINT tracking_claims_tracked_id_target_pk DO UPDATE
      SET columns = excluded.columns, ignored = excluded.ignored, updated_at_mode = excluded.updated_at_mode
      WHERE (c.columns, c.ignored, c.updated_at_mode) IS DISTINCT FROM (excluded.columns, excluded.ignored, excluded.updated_at_mode);
  END IF;
  wanted_mode := updated_at_mode;
  IF EXISTS (SELECT FROM datahub_sync.tracking_claims WHERE tracked_id = known.id) THEN
    IF (SELECT count(DISTINCT c.updated_at_mode) FROM datahub_sync.tracking_claims c
         WHERE c.tracked_id = known.id AND c.updated_at_mode <> 'none') > 1 THEN
      RAISE EXCEPTION 'the deployments that mirror % disagree about its updated_at', relation
        USING HINT = 'Give "updatedAt" the same value, "content" or "as-written", in the configuration of each.';
    END IF;
    -- The union of what is mirrored; and of what is ignored, what everybody ignores for whom updated_at follows the content.
    SELECT array_agg(DISTINCT name), min(c.updated_at_mode) INTO compared_columns, wanted_mode
      FROM datahub_sync.tracking_claims c LEFT JOIN LATERAL unnest(c.columns) AS name ON true WHERE c.tracked_id = known.id;
    SELECT coalesce(array_agg(name), '{}') INTO ignored_columns
      FROM (SELECT name FROM datahub_sync.tracking_claims c CROSS JOIN LATERAL unnest(c.ignored) AS name
             WHERE c.tracked_id = known.id AND c.updated_at_mode = wanted_mode
             GROUP BY name HAVING count(DISTINCT c.target) = (
               SELECT count(*) FROM datahub_sync.tracking_claims a WHERE a.tracked_id = known.id AND a.updated_at_mode = wanted_mode)
           ) AS all_ignore (name);
  END IF;
  compared_columns := (SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}') FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
      AND (attname = ANY (track.compared_columns) OR attname = ANY (track.key_columns)));
  ignored_columns := (SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}') FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname = ANY (track.ignored_columns)
      AND attname <> ALL (track.key_columns));

  UPDATE datahub_sync.tracked_tables SET schema_name = table_schema, table_name = table_class.relname
   WHERE id = known.id AND (schema_name, table_name) <> (table_schema, table_class.relname);
  IF known.key_columns = track.key_columns AND known.compared_columns = track.compared_columns
     AND known.ignored_columns = track.ignored_columns AND known.updated_at_mode = wanted_mode
     AND known.columns = datahub_sync.describe_columns(relation)
     AND known.triggers = datahub_sync.describe_triggers(relation, known.id) THEN
    RETURN known.id;
  END IF;

  PERFORM datahub_sync.create_triggers(known.id, relation, key_columns, compared_columns, ignored_columns,
                                       wanted_mode = 'content');
  UPDATE datahub_sync.tracked_tables AS t
     SET key_columns = track.key_columns, compared_columns = track.compared_columns, ignored_columns = track.ignored_columns,
         updated_at_mode = wanted_mode, generation = t.generation + 1, tracked_at = now(),
         columns = datahub_sync.describe_columns(relation), triggers = datahub_sync.describe_triggers(relation, t.id)
   WHERE t.id = known.id;
  RETURN known.id;
END;
$function$;
