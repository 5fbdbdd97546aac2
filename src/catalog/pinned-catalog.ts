/**
 * Pinned for the statement: what Postgres prints of the catalog goes into the fingerprint. Names come with their schema
 * or without, and quoted or not, by the session's settings; constants in a view's definition depend on what the text
 * of values depends on.
 */
export const PINNED_CATALOG = `(
  SELECT datahub_sync.pin_output() AND set_config('search_path', 'pg_catalog', true) IS NOT NULL
     AND set_config('quote_all_identifiers', 'off', true) IS NOT NULL)`;
