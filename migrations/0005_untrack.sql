-- untrack(relation): the table is as it was before `track`.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- Returns false where the table was not tracked (for that target). Documents in Convex stay as they are.
--   target  whose mirrors of it end; the triggers stay while another deployment needs them. Null: everybody's
CREATE FUNCTION datahub_sync.untrack(relation regclass, target text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
#variable_conflict use_column
DECLARE
  known datahub_sync.tracked_tables;
  ours record;
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
  -- By name, and not by the partitions of today: one that was detached keeps the trigger that is its own.
  FOR ours IN SELECT tgrelid::regclass AS part, tgname FROM pg_trigger
               WHERE starts_with(tgname::text, format('zzz_datahub_sync_%s_', known.id)) AND tgparentid = 0 LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', ours.tgname, ours.part);
  END LOOP;
  EXECUTE format('DROP FUNCTION IF EXISTS datahub_sync.log_%1$s(), datahub_sync.content_%1$s()', known.id);
  DELETE FROM datahub_sync.changes WHERE tracked_id = known.id;
  DELETE FROM datahub_sync.tracked_tables WHERE id = known.id;
  RETURN true;
END;
$function$;
