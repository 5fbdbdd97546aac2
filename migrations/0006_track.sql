-- track(relation, key columns and more): from now on every change of content is logged. It adds triggers to the table and
-- nothing else.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- What it raises has SQLSTATEs of our own (class DS), by which message and hint are known to name objects and no values.
-- Idempotent: a table that is tracked as asked, with everything in place, is not touched or locked. Otherwise the
-- generation rises, which makes the table's next run full. Needs the table's owner. Returns the tracked table's id.
--   compared_columns  what the caller mirrors; null: everything but the ignored columns
--   updated_at_mode   'content', 'as-written', or 'none' where it is not mirrored
--   target            on whose behalf: what several deployments mirror is compared together. Null: on nobody's, which is
--                     forgotten as soon as a deployment says what it mirrors
--   patience          how long writers are waited for, and others held up by that, at most
CREATE FUNCTION datahub_sync.track(
  relation regclass, key_columns text[] DEFAULT NULL, ignored_columns text[] DEFAULT '{}',
  compared_columns text[] DEFAULT NULL, updated_at_mode text DEFAULT 'as-written', target text DEFAULT NULL,
  patience interval DEFAULT '5 seconds'
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
#variable_conflict use_column
DECLARE
  table_class pg_class;
  known datahub_sync.tracked_tables;
  unvalidated record;
  table_schema text;
  wanted_mode text;
BEGIN
  SELECT * INTO table_class FROM pg_class WHERE oid = relation;
  table_schema := (SELECT nspname FROM pg_namespace WHERE oid = table_class.relnamespace);
  IF table_class.relkind NOT IN ('r', 'p') OR table_class.relpersistence = 't' THEN
    RAISE EXCEPTION '% cannot be tracked: it is not an ordinary or partitioned table', relation
      USING ERRCODE = 'DS101', HINT = 'A view is mirrored through its base table: name that table as "base" in the configuration.';
  END IF;
  IF table_class.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = relation) THEN
    RAISE EXCEPTION '% cannot be tracked: other tables inherit from it', relation
      USING ERRCODE = 'DS101', HINT = 'Track the inheriting tables themselves, or turn them into partitions.';
  END IF;
  key_columns := coalesce(key_columns, datahub_sync.primary_key(relation));
  SELECT * INTO unvalidated FROM datahub_sync.unvalidated_columns(relation, key_columns) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% has no key to mirror by: NOT NULL of its column % is NOT VALID', relation, unvalidated.column_name
      USING ERRCODE = 'DS102',
            HINT = format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', relation, unvalidated.constraint_name);
  END IF;
  key_columns := datahub_sync.order_key(relation, key_columns);
  IF key_columns IS NULL THEN
    RAISE EXCEPTION '% has no key to mirror by', relation
      USING ERRCODE = 'DS102', HINT = 'Add a primary key, or name columns that are NOT NULL and carry a unique index as "key".';
  END IF;
  IF updated_at_mode NOT IN ('content', 'as-written', 'none') THEN
    RAISE EXCEPTION 'updated_at_mode is none of those that there are'
      USING ERRCODE = 'DS103', HINT = 'It is content, as-written or none.';
  END IF;

  INSERT INTO datahub_sync.tracked_tables AS t (relation_oid, schema_name, table_name, key_columns, compared_columns,
                                                ignored_columns, updated_at_mode, columns, triggers, generation)
  VALUES (relation, table_schema, table_class.relname, '{}', '{}', '{}', 'none', '[]', '[]', 0)
  ON CONFLICT (relation_oid) DO NOTHING;
  -- Locked first: two that track one table take turns, and neither replaces a function that the other one replaces.
  SELECT * INTO known FROM datahub_sync.tracked_tables WHERE relation_oid = relation FOR UPDATE;
  PERFORM datahub_sync.inherit_claims();

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
        USING ERRCODE = 'DS104', HINT = 'Give "updatedAt" the same value, "content" or "as-written", in the configuration of each.';
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
    PERFORM datahub_sync.forget_dropped_tables();
    RETURN known.id;
  END IF;

  PERFORM datahub_sync.create_triggers(known.id, relation, key_columns, compared_columns, ignored_columns,
                                       wanted_mode = 'content',
                                       NOT known.columns <@ datahub_sync.describe_columns(relation), patience);
  UPDATE datahub_sync.tracked_tables AS t
     SET key_columns = track.key_columns, compared_columns = track.compared_columns, ignored_columns = track.ignored_columns,
         updated_at_mode = wanted_mode, generation = t.generation + 1, tracked_at = now(),
         columns = datahub_sync.describe_columns(relation), triggers = datahub_sync.describe_triggers(relation, t.id)
   WHERE t.id = known.id;
  -- Last: what it locks of other tables is held no longer than until the commit.
  PERFORM datahub_sync.forget_dropped_tables();
  RETURN known.id;
END;
$function$;
