-- The seven tables of the default configuration, where they exist as tables that we own. Only triggers that log: what
-- changes an owner's rows (`updated_at` that follows the content) is for `datahub-sync migrate`, which says so first, and
-- which settles right after the migrations whatever the configuration says otherwise.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
DO $do$
DECLARE
  table_name text;
  relation regclass;
BEGIN
  FOREACH table_name IN ARRAY ARRAY['sow_poles', 'sow_drops', 'nokia_exports', 'onemap_installations',
                                    'onemap_poles', 'lawley_activations', 'mohadin_activations'] LOOP
    relation := to_regclass(format('public.%I', table_name));
    IF EXISTS (SELECT FROM pg_class WHERE oid = relation AND relkind IN ('r', 'p') AND pg_has_role(relowner, 'USAGE'))
       AND datahub_sync.order_key(relation, datahub_sync.primary_key(relation)) IS NOT NULL THEN
      PERFORM datahub_sync.track(relation, NULL, ARRAY['sync_timestamp', 'updated_at']);
    END IF;
  END LOOP;
END;
$do$;
