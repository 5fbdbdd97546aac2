-- track(relation, key columns, ignored columns): from now on every change of content is marked.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- The BEFORE trigger's function. `*<>` compares images, so it sees 1.0 become 1.00 and never fails on json; comparing
-- columns, not NEW as a whole, and giving unchanged wide values back their old TOAST pointers, makes a rewrite with
-- equal values several times cheaper than without us. Whatever goes wrong (a column dropped, renamed, retyped), the
-- owner's statement goes on and the row is stamped as changed.
CREATE FUNCTION datahub_sync.stamp_function(
  tracked integer, relation regclass, key_columns text[], ignored_columns text[]
) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  compared text[];
  wide text[];
  touches_updated_at boolean;
  key_old text;
  key_new text;
BEGIN
  SELECT array_agg(attname::text ORDER BY attnum),
         array_agg(attname::text ORDER BY attnum) FILTER (WHERE attstorage <> 'p')
    INTO compared, wide
    FROM pg_attribute
   WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
     AND attgenerated = '' AND attname <> 'sync_xid' AND attname <> ALL (ignored_columns)
     AND NOT (attname = 'updated_at' AND atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
              AND attname <> ALL (key_columns));

  touches_updated_at := EXISTS (
    SELECT FROM pg_attribute
     WHERE attrelid = relation AND attname = 'updated_at' AND NOT attisdropped AND attgenerated = ''
       AND atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype) AND attname <> ALL (key_columns));

  SELECT string_agg(format('OLD.%I', name), ', '), string_agg(format('NEW.%I', name), ', ')
    INTO key_old, key_new FROM unnest(key_columns) AS name;

  RETURN format($body$
DECLARE
  left_key text;
BEGIN
  BEGIN
    IF TG_OP = 'UPDATE' THEN
      IF NOT (ROW(%1$s)::record OPERATOR(pg_catalog.*<>) ROW(%2$s)::record) AND OLD.sync_xid IS NOT NULL THEN
        NEW.sync_xid := OLD.sync_xid;%3$s
        RETURN NEW;
      END IF;
      IF ROW(%4$s)::record OPERATOR(pg_catalog.*<>) ROW(%5$s)::record THEN
        left_key := %6$s;
      END IF;%7$s
    END IF;
    NEW.sync_xid := pg_catalog.pg_current_xact_id();
  EXCEPTION WHEN OTHERS THEN
    BEGIN
      NEW.sync_xid := pg_catalog.pg_current_xact_id();
    EXCEPTION WHEN OTHERS THEN
      NULL; -- sync_xid itself is gone: the next run sees that tracking is broken
    END;
  END;
  IF left_key IS NOT NULL THEN
    PERFORM datahub_sync.record_deletion(%8$s, left_key);
  END IF;
  RETURN NEW;
END;$body$,
    (SELECT string_agg(format('OLD.%I', name), ', ') FROM unnest(compared) AS name),
    (SELECT string_agg(format('NEW.%I', name), ', ') FROM unnest(compared) AS name),
    CASE WHEN touches_updated_at THEN E'\n        NEW.updated_at := OLD.updated_at;' ELSE '' END
      || coalesce((SELECT string_agg(format(E'\n        NEW.%1$I := OLD.%1$I;', name), '') FROM unnest(wide) AS name), ''),
    key_old, key_new,
    datahub_sync.key_expression(key_columns, 'OLD'),
    CASE WHEN touches_updated_at THEN $touch$
      IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
        NEW.updated_at := pg_catalog.now();
      END IF;$touch$ ELSE '' END,
    tracked);
END;
$function$;
--> statement-breakpoint
-- The AFTER DELETE trigger's function. The key is computed inside a block of its own and written outside of it: a
-- write in a sub-transaction would take an xid for every deleted row.
CREATE FUNCTION datahub_sync.forget_function(tracked integer, key_columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT format($body$
DECLARE
  left_key text;
BEGIN
  BEGIN
    left_key := %s;
  EXCEPTION WHEN OTHERS THEN
    left_key := NULL; -- recorded as unknown: the next run compares the whole table
  END;
  PERFORM datahub_sync.record_deletion(%s, left_key);
  RETURN NULL;
END;$body$, datahub_sync.key_expression(key_columns, 'OLD'), tracked);
$function$;
--> statement-breakpoint
-- Settings that a key's text depends on are pinned on the functions that print keys, where a key has such a type.
CREATE FUNCTION datahub_sync.key_settings(relation regclass, key_columns text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT CASE WHEN bool_and(atttypid = ANY ('{uuid,int2,int4,int8,text,varchar,bpchar,name,bool,numeric,inet,macaddr}'::regtype[]))
    THEN ''
    ELSE $set$ SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, MDY' SET "IntervalStyle" = 'postgres' SET extra_float_digits = '1' SET bytea_output = 'hex' SET lc_monetary = 'C'$set$
  END
    FROM pg_attribute WHERE attrelid = relation AND attname = ANY (key_columns);
$function$;
--> statement-breakpoint
CREATE FUNCTION datahub_sync.create_triggers(tracked integer, relation regclass, key_columns text[], ignored_columns text[])
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  settings text := datahub_sync.key_settings(relation, key_columns);
  stamp text := format('datahub_sync.stamp_%s', tracked);
  forget text := format('datahub_sync.forget_%s', tracked);
  part regclass;
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql%s AS %L', stamp, settings,
    datahub_sync.stamp_function(tracked, relation, key_columns, ignored_columns));
  EXECUTE format('CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql%s AS %L', forget, settings,
    datahub_sync.forget_function(tracked, key_columns));

  -- BEFORE triggers fire in the order of their names, and ours has to see what the others made of the row.
  EXECUTE format('CREATE OR REPLACE TRIGGER zzz_datahub_sync_stamp BEFORE INSERT OR UPDATE ON %s
                  FOR EACH ROW EXECUTE FUNCTION %s()', relation, stamp);
  EXECUTE format('CREATE OR REPLACE TRIGGER zzz_datahub_sync_forget AFTER DELETE ON %s
                  FOR EACH ROW EXECUTE FUNCTION %s()', relation, forget);

  -- TRUNCATE of one partition fires that partition's trigger only. ALWAYS: also under logical replication.
  FOR part IN SELECT relation UNION SELECT relid FROM pg_partition_tree(relation) LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER zzz_datahub_sync_truncate AFTER TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION datahub_sync.note_truncate(%L)', part, tracked);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER zzz_datahub_sync_stamp,
                    ENABLE ALWAYS TRIGGER zzz_datahub_sync_forget,
                    ENABLE ALWAYS TRIGGER zzz_datahub_sync_truncate', part);
  END LOOP;
END;
$function$;
--> statement-breakpoint
-- Two indexes: changed rows in the order they are paged in, and keys in the order they are compared in. The second
-- is needed only where no index of the table gives the byte order of the key's text: a uuid's own order is that. Both
-- are named after the table's oid: a table that is swapped for another takes its indexes, and their names, along.
CREATE FUNCTION datahub_sync.needs_key_index(relation regclass, key_columns text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  -- Types are told by what prints them, which a domain has from the type at its bottom.
  SELECT NOT (count(*) = 1 AND bool_and(typoutput = 'uuid_out'::regproc)) AND bool_and(
           -- Postgres takes the text of these for immutable, and it is not: writers with other settings would index
           -- other texts. Of the others it knows which depend on settings (a timestamp, an enum): comparisons sort.
           typoutput <> ALL ('{float4out,float8out,byteaout,interval_out}'::regproc[])
           AND (typcategory = 'S' OR (SELECT provolatile = 'i' FROM pg_proc WHERE oid = typoutput)))
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
   WHERE attrelid = relation AND attname = ANY (key_columns);
$function$;
--> statement-breakpoint
CREATE FUNCTION datahub_sync.create_indexes(relation regclass, key_columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
SET quote_all_identifiers = off AS $function$
DECLARE
  keys text := (SELECT string_agg(format('%I', name), ', ') FROM unnest(key_columns) AS name);
  table_name text := (SELECT format('%I', relname) FROM pg_class WHERE oid = relation);
  text_columns text[] := ARRAY (
    SELECT attname::text FROM pg_attribute WHERE attrelid = relation AND atttypid = 'text'::regtype);
BEGIN
  EXECUTE format('CREATE INDEX IF NOT EXISTS datahub_sync_changed_%s ON %s (sync_xid, %s)', relation::oid, relation, keys);
  IF datahub_sync.needs_key_index(relation, key_columns) THEN
    BEGIN
      EXECUTE format('CREATE INDEX IF NOT EXISTS datahub_sync_key_%s ON %s ((%s) COLLATE "C")', relation::oid, relation,
        datahub_sync.key_expression(key_columns, table_name, text_columns));
    EXCEPTION WHEN invalid_object_definition THEN
      NULL; -- a type whose text depends on settings all the same: comparisons sort instead
    END;
  END IF;
END;
$function$;
--> statement-breakpoint
-- Whether an index of ours was dropped, or broken by a build that failed. Without it all stays exact, and gets slow.
CREATE FUNCTION datahub_sync.lacks_index(relation regclass, key_columns text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT EXISTS (
    SELECT FROM (VALUES ('datahub_sync_changed_', true),
                        ('datahub_sync_key_', datahub_sync.needs_key_index(relation, key_columns))) AS ours (prefix, needed)
     WHERE needed AND NOT EXISTS (
             SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
              WHERE indrelid = relation AND indisvalid AND relname = prefix || relation::oid));
$function$;
--> statement-breakpoint
CREATE FUNCTION datahub_sync.drop_indexes(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
DECLARE
  ours regclass;
BEGIN
  FOR ours IN SELECT indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
               WHERE indrelid = relation
                 AND relname IN ('datahub_sync_changed_' || relation::oid, 'datahub_sync_key_' || relation::oid) LOOP
    EXECUTE format('DROP INDEX %s', ours);
  END LOOP;
END;
$function$;
--> statement-breakpoint
-- Idempotent: a table that is tracked as asked, with everything in place, is not touched or locked. Otherwise the
-- generation rises, which makes the table's next run full. Needs the table's owner. Returns the tracked table's id.
CREATE FUNCTION datahub_sync.track(
  relation regclass, key_columns text[] DEFAULT NULL, ignored_columns text[] DEFAULT '{}'
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $function$
DECLARE
  table_class pg_class;
  known datahub_sync.tracked_tables;
  adds_updated_at boolean;
  table_schema text;
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
  IF EXISTS (SELECT FROM pg_attribute
              WHERE attrelid = relation AND attname = 'sync_xid' AND NOT attisdropped AND atttypid <> 'xid8'::regtype) THEN
    RAISE EXCEPTION '% cannot be tracked: it has a column sync_xid of its own', relation
      USING HINT = 'Rename that column: tracking needs the name for the transaction that changed a row.';
  END IF;
  key_columns := coalesce(key_columns, datahub_sync.primary_key(relation));
  IF key_columns IS NULL OR NOT datahub_sync.is_key(relation, key_columns) THEN
    RAISE EXCEPTION '% has no key to mirror by', relation
      USING HINT = 'Add a primary key, or name columns that are NOT NULL and carry a unique index as "key".';
  END IF;
  ignored_columns := (SELECT coalesce(array_agg(name ORDER BY name COLLATE "C"), '{}')
                        FROM (SELECT DISTINCT unnest(ignored_columns) AS name) AS names
                       WHERE name <> ALL (key_columns)
                         AND name IN (SELECT attname::text FROM pg_attribute WHERE attrelid = relation AND attnum > 0));

  -- A table that was renamed stays the one that was tracked; where another of that name was, it takes its place.
  UPDATE datahub_sync.tracked_tables AS t SET schema_name = table_schema, table_name = table_class.relname
   WHERE t.relation_oid = relation AND (t.schema_name, t.table_name) <> (table_schema, table_class.relname)
     AND NOT EXISTS (SELECT FROM datahub_sync.tracked_tables AS o
                      WHERE o.schema_name = table_schema AND o.table_name = table_class.relname);
  SELECT * INTO known FROM datahub_sync.tracked_tables
   WHERE schema_name = table_schema AND table_name = table_class.relname FOR UPDATE;
  IF known.relation_oid = relation AND known.key_columns = track.key_columns
     AND known.ignored_columns = track.ignored_columns
     AND known.columns = datahub_sync.describe_columns(relation)
     AND known.triggers = datahub_sync.describe_triggers(relation) THEN
    IF datahub_sync.lacks_index(relation, key_columns) THEN
      PERFORM datahub_sync.drop_indexes(relation);
      PERFORM datahub_sync.create_indexes(relation, key_columns);
    END IF;
    RETURN known.id;
  END IF;

  adds_updated_at := NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = relation AND attname = 'updated_at' AND NOT attisdropped)
    OR EXISTS (SELECT FROM datahub_sync.tracked_tables AS t WHERE t.relation_oid = relation AND t.added_updated_at);
  -- A default that is stable, not volatile: neither of the two rewrites the table.
  EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS sync_xid xid8 DEFAULT pg_current_xact_id(),
                  ADD COLUMN IF NOT EXISTS updated_at timestamptz DEFAULT now()', relation);

  INSERT INTO datahub_sync.tracked_tables AS t
    (relation_oid, schema_name, table_name, key_columns, ignored_columns, added_updated_at, columns, triggers)
  VALUES (relation, table_schema, table_class.relname, key_columns, ignored_columns, adds_updated_at, '[]', '[]')
  ON CONFLICT (schema_name, table_name) DO UPDATE
    SET relation_oid = excluded.relation_oid, key_columns = excluded.key_columns,
        ignored_columns = excluded.ignored_columns, generation = t.generation + 1, tracked_at = now(),
        added_updated_at = excluded.added_updated_at
  RETURNING * INTO known;
  -- Tracked under another name before it came to this one.
  DELETE FROM datahub_sync.tracked_tables AS t WHERE t.relation_oid = relation AND t.id <> known.id;

  PERFORM datahub_sync.create_triggers(known.id, relation, key_columns, ignored_columns);
  PERFORM datahub_sync.drop_indexes(relation);
  PERFORM datahub_sync.create_indexes(relation, key_columns);

  UPDATE datahub_sync.tracked_tables AS t
     SET columns = datahub_sync.describe_columns(relation), triggers = datahub_sync.describe_triggers(relation)
   WHERE t.id = known.id;
  RETURN known.id;
END;
$function$;
