-- untrack(relation): the table is as it was before `track`, but for what its owner changed since.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- Returns false where the table was not tracked. Documents in Convex stay as they are.
CREATE FUNCTION datahub_sync.untrack(relation regclass) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
DECLARE
  known datahub_sync.tracked_tables;
  part regclass;
BEGIN
  DELETE FROM datahub_sync.tracked_tables WHERE relation_oid = relation RETURNING * INTO known;
  IF known.id IS NULL THEN
    RETURN false;
  END IF;
  -- By the trigger's argument, and not by the partitions of today: one that was detached keeps its trigger.
  FOR part IN SELECT tgrelid FROM pg_trigger
               WHERE tgname = 'zzz_datahub_sync_truncate' AND encode(tgargs, 'escape') = known.id || E'\\000' LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS zzz_datahub_sync_truncate ON %s', part);
  END LOOP;
  EXECUTE format('DROP TRIGGER IF EXISTS zzz_datahub_sync_stamp ON %s', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS zzz_datahub_sync_forget ON %s', relation);
  EXECUTE format('DROP FUNCTION IF EXISTS datahub_sync.stamp_%s(), datahub_sync.forget_%s()', known.id, known.id);
  PERFORM datahub_sync.drop_indexes(relation);
  EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS sync_xid', relation);
  IF known.added_updated_at THEN
    EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS updated_at', relation);
  END IF;
  DELETE FROM datahub_sync.deletions WHERE tracked_id = known.id;
  -- From here on changes go unnoticed: no mirror may go on from a watermark of before, should the table be tracked again.
  DELETE FROM datahub_sync.mirrors WHERE tracked_id = known.id;
  RETURN true;
END;
$function$;
