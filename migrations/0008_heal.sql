-- heal(relation, key columns and more): what a run does where the source has drifted away from its tracking. As `track`, but
-- for what hurts others: it waits for 200 ms at most, well below deadlock_timeout; it only ever widens what the triggers
-- compare; and what `updated_at` means stays as somebody was told.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- Returns false where the table was never tracked for that deployment: `migrate` does that, and says first what it means.
CREATE FUNCTION datahub_sync.heal(
  relation regclass, key_columns text[], ignored_columns text[], compared_columns text[], target text
) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
DECLARE
  prior record;
  mode text;
BEGIN
  PERFORM set_config('lock_timeout', '200ms', true);
  -- Locked before it is read, in one order: an `untrack` that is under way has the last word.
  PERFORM FROM datahub_sync.tracked_tables AS t, pg_class AS r, pg_namespace AS n
    WHERE r.oid = relation AND n.oid = r.relnamespace
      AND (t.relation_oid = relation OR (t.schema_name, t.table_name) = (n.nspname, r.relname))
    ORDER BY t.id FOR UPDATE OF t;
  -- What was recorded of this table, or of the one that bore its name: dropped, or renamed to make room for this one.
  SELECT t.id, coalesce(c.columns, t.compared_columns) AS columns, coalesce(c.ignored, t.ignored_columns) AS ignored,
         coalesce(c.updated_at_mode, t.updated_at_mode) AS updated_at_mode INTO prior
    FROM datahub_sync.tracked_tables AS t
    JOIN pg_class AS r ON r.oid = relation
    JOIN pg_namespace AS n ON n.oid = r.relnamespace
    LEFT JOIN datahub_sync.tracking_claims AS c ON c.tracked_id = t.id AND c.target IN (heal.target, '')
   WHERE (t.relation_oid = relation OR (t.schema_name, t.table_name) = (n.nspname, r.relname))
     AND (c.target IS NOT NULL OR NOT EXISTS (SELECT FROM datahub_sync.tracking_claims AS o WHERE o.tracked_id = t.id))
   ORDER BY t.relation_oid = relation DESC, c.target = heal.target DESC NULLS LAST, t.id DESC LIMIT 1;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  mode := CASE WHEN prior.updated_at_mode <> 'none' THEN prior.updated_at_mode ELSE coalesce(
    (SELECT min(c.updated_at_mode) FROM datahub_sync.tracking_claims AS c WHERE c.tracked_id = prior.id AND c.updated_at_mode <> 'none'),
    'as-written') END;
  PERFORM datahub_sync.track(
    relation, key_columns,
    ARRAY(SELECT name FROM unnest(ignored_columns) AS name WHERE name = ANY (prior.ignored)),
    ARRAY(SELECT unnest(compared_columns) UNION SELECT unnest(prior.columns)),
    CASE WHEN 'updated_at' = ANY (compared_columns || prior.columns) THEN mode ELSE 'none' END,
    target, '200 milliseconds');
  RETURN true;
END;
$function$;
