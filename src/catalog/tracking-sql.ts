/** What is recorded of a base table, held against the catalog, as JSON; NULL where it is not tracked. */
export function trackingOf(oid: string): string {
  return `(
    SELECT json_build_object(
             'id', t.id, 'generation', t.generation, 'keyColumns', t.key_columns, 'comparedColumns', t.compared_columns,
             'updatedAt', t.updated_at_mode, 'knownColumns', t.columns <@ now.columns, 'sameColumns', t.columns = now.columns,
             'sameTriggers', t.triggers = datahub_sync.describe_triggers(t.relation_oid, t.id))
      FROM datahub_sync.tracked_tables t
     CROSS JOIN LATERAL (SELECT datahub_sync.describe_columns(t.relation_oid) AS columns OFFSET 0) AS now
     WHERE t.relation_oid = ${oid})`;
}
