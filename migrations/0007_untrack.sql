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
-- What deployments mirrored of a table that was dropped goes on for the one that has taken its name, so that a table that is
-- dropped and created again is tracked for all of them; until there is one, it is remembered. Its log goes, which may take a
-- while: called before anybody is locked out, and leaving to the runs of others what they are purging.
CREATE FUNCTION datahub_sync.inherit_claims() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  gone datahub_sync.tracked_tables;
  heir integer;
BEGIN
  FOR gone IN SELECT * FROM datahub_sync.tracked_tables AS t
               WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = t.relation_oid) ORDER BY id FOR UPDATE SKIP LOCKED LOOP
    heir := (SELECT max(t.id) FROM datahub_sync.tracked_tables AS t JOIN pg_class AS c ON c.oid = t.relation_oid
              WHERE (t.schema_name, t.table_name) = (gone.schema_name, gone.table_name));
    DELETE FROM datahub_sync.changes WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM datahub_sync.changes WHERE tracked_id = gone.id FOR UPDATE SKIP LOCKED));
    CONTINUE WHEN heir IS NULL;
    INSERT INTO datahub_sync.tracking_claims (tracked_id, target, columns, ignored, updated_at_mode)
    SELECT heir, c.target, c.columns, c.ignored, c.updated_at_mode
      FROM datahub_sync.tracking_claims c WHERE c.tracked_id = gone.id
    ON CONFLICT DO NOTHING;
    DELETE FROM datahub_sync.tracking_claims WHERE tracked_id = gone.id;
  END LOOP;
END;
$function$;
--> statement-breakpoint
-- Forgets tables that were dropped, after `inherit_claims`. A dump that was restored has brought their triggers along, on tables
-- of other oids, and a partition that was detached before has kept one. These are other tables than the one that is being
-- tracked: nobody is waited for, and where somebody else reads or owns them, they are left to the next time.
CREATE FUNCTION datahub_sync.forget_dropped_tables() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
DECLARE
  gone integer;
  part regclass;
BEGIN
  FOR gone IN SELECT id FROM datahub_sync.tracked_tables AS t
               WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = t.relation_oid) ORDER BY id FOR UPDATE SKIP LOCKED LOOP
    BEGIN
      FOR part IN SELECT DISTINCT tgrelid::regclass FROM pg_trigger
                   WHERE starts_with(tgname::text, format('zzz_datahub_sync_%s_', gone)) AND tgparentid = 0 LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', part);
      END LOOP;
      PERFORM datahub_sync.drop_triggers(gone);
    EXCEPTION WHEN lock_not_available OR insufficient_privilege THEN
      CONTINUE;
    END;
    DELETE FROM datahub_sync.tracked_tables
     WHERE id = gone AND NOT EXISTS (SELECT FROM datahub_sync.tracking_claims WHERE tracked_id = gone);
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
  -- What is remembered of a table of this name that was dropped would come back with the next `track`.
  DELETE FROM datahub_sync.tracking_claims AS c USING datahub_sync.tracked_tables AS t, pg_class AS r, pg_namespace AS n
   WHERE t.id = c.tracked_id AND r.oid = relation AND n.oid = r.relnamespace
     AND (t.schema_name, t.table_name) = (n.nspname, r.relname)
     AND NOT EXISTS (SELECT FROM pg_class WHERE oid = t.relation_oid)
     AND (untrack.target IS NULL OR c.target = untrack.target);
  IF known.id IS NULL THEN
    RETURN FOUND;
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
  -- First, since it may take a while and nobody is locked out yet; what is written meanwhile, the runs of others purge.
  DELETE FROM datahub_sync.changes WHERE tracked_id = known.id;
  PERFORM datahub_sync.drop_triggers(known.id);
  DELETE FROM datahub_sync.tracked_tables WHERE id = known.id;
  RETURN true;
END;
$function$;
