-- untrack(relation): the table is as it was before `track`; and what becomes of tables that are gone.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- By name, and not by the partitions of today: one that was detached keeps the trigger that is its own.
CREATE FUNCTION datahub_sync.drop_triggers(tracked integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
DECLARE
  ours record;
BEGIN
  FOR ours IN SELECT tgrelid::regclass AS part, tgname FROM pg_trigger
               WHERE starts_with(tgname::text, format('zzz_datahub_sync_%s_', tracked)) AND tgparentid = 0 LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', ours.tgname, ours.part);
  END LOOP;
  EXECUTE format('DROP FUNCTION IF EXISTS datahub_sync.log_%1$s(), datahub_sync.content_%1$s()', tracked);
END;
$function$;
--> statement-breakpoint
-- Forgets tables that were dropped. What deployments mirrored of such a table goes on for the one that has taken its name, so
-- that a table that is dropped and created again is tracked for all of them; until there is one, it is remembered.
CREATE FUNCTION datahub_sync.forget_dropped_tables() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
DECLARE
  gone datahub_sync.tracked_tables;
  heir datahub_sync.tracked_tables;
BEGIN
  FOR gone IN SELECT * FROM datahub_sync.tracked_tables AS t
               WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = t.relation_oid) ORDER BY id FOR UPDATE SKIP LOCKED LOOP
    SELECT t.* INTO heir
      FROM datahub_sync.tracked_tables AS t JOIN pg_class AS c ON c.oid = t.relation_oid
     WHERE (t.schema_name, t.table_name) = (gone.schema_name, gone.table_name) ORDER BY t.id DESC LIMIT 1;
    INSERT INTO datahub_sync.tracking_claims (tracked_id, target, columns, ignored, updated_at_mode)
    SELECT heir.id, c.target, c.columns, c.ignored, c.updated_at_mode
      FROM datahub_sync.tracking_claims c WHERE c.tracked_id = gone.id AND heir.id IS NOT NULL
    ON CONFLICT DO NOTHING;
    -- A dump that was restored has brought the triggers along, on a table of another oid.
    PERFORM datahub_sync.drop_triggers(gone.id);
    DELETE FROM datahub_sync.changes WHERE tracked_id = gone.id;
    IF heir.id IS NOT NULL OR NOT EXISTS (SELECT FROM datahub_sync.tracking_claims WHERE tracked_id = gone.id) THEN
      DELETE FROM datahub_sync.tracked_tables WHERE id = gone.id;
    END IF;
  END LOOP;
END;
$function$;
--> statement-breakpoint
-- Returns false where the table was not tracked (for that target). Documents in Convex stay as they are.
--   target  whose mirrors of it end; the triggers stay while another deployment needs them. Null: everybody's
CREATE FUNCTION datahub_sync.untrack(relation regclass, target text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
#variable_conflict use_column
DECLARE
  known datahub_sync.tracked_tables;
BEGIN
  SELECT * INTO known FROM datahub_sync.tracked_tables WHERE relation_oid = relation FOR UPDATE;
  IF known.id IS NULL THEN
    RETURN false;
  END IF;
  -- From here on changes go unnoticed: no mirror may go on from a watermark of before, should the table be tracked again.
  DELETE FROM datahub_sync.mirrors AS m
   WHERE tracked_id = known.id
     AND (untrack.target IS NULL OR m.target_id IN (SELECT id FROM datahub_sync.targets WHERE url = untrack.target));
  IF target IS NOT NULL THEN
    DELETE FROM datahub_sync.tracking_claims AS c WHERE c.tracked_id = known.id AND c.target IN (untrack.target, '');
    IF EXISTS (SELECT FROM datahub_sync.tracking_claims WHERE tracked_id = known.id) THEN
      RETURN FOUND;
    END IF;
  END IF;
  PERFORM datahub_sync.drop_triggers(known.id);
  DELETE FROM datahub_sync.changes WHERE tracked_id = known.id;
  DELETE FROM datahub_sync.tracked_tables WHERE id = known.id;
  RETURN true;
END;
$function$;
