/**
 * What `catalogSql` takes from functions of the schema `datahub_sync`, and without that schema, for a dry run of the first
 * `migrate`: enough to know what would be tracked. What only a run reads is left out.
 */
export interface CatalogFunctions {
  pinned: string;
  primaryKey: (oid: string) => string;
  orderKey: (oid: string, key: string) => string;
  /** Rows of (column_name, constraint_name). */
  unvalidated: (oid: string, key: string) => string;
  keyExpression: (oid: string, key: string) => string;
  keyParts: (oid: string, key: string) => string;
  tracking: (oid: string) => string;
  files: (oid: string) => string;
  partitions: (oid: string) => string;
}

/** The columns of an index that make its key, in their order. */
const columnsOf = (index: string): string => `
  (SELECT array_agg(a.attname::text ORDER BY n.position)
     FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS n (attnum, position)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n.attnum
    WHERE ${index} AND n.position <= i.indnkeyatts)`;

const unvalidated = (oid: string, key: string): string => `
  SELECT a.attname::text AS column_name, c.conname::text AS constraint_name
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
   WHERE c.conrelid = ${oid} AND c.contype = 'n' AND NOT c.convalidated AND a.attname = ANY (${key})
   ORDER BY a.attnum`;

/** As `datahub_sync.key_index` of migrations/0002_keys.sql finds it. */
const keyIndex = (oid: string, key: string): string => `
  (SELECT x.indexrelid
     FROM pg_catalog.pg_index x
    WHERE x.indrelid = ${oid} AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
      AND NOT EXISTS (${unvalidated(oid, key)})
      AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FILTER (WHERE a.attnotnull)
             FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS n (attnum, position)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = n.attnum
            WHERE n.position <= x.indnkeyatts)
        = (SELECT array_agg(name ORDER BY name COLLATE "C") FROM unnest(${key}) AS name)
    ORDER BY x.indisprimary DESC, x.indexrelid LIMIT 1)`;

export const UNMIGRATED: CatalogFunctions = {
  pinned: `(SELECT set_config('search_path', 'pg_catalog', true) IS NOT NULL
     AND set_config('quote_all_identifiers', 'off', true) IS NOT NULL)`,
  primaryKey: (oid) => columnsOf(`i.indrelid = ${oid} AND i.indisprimary`),
  orderKey: (oid, key) => columnsOf(`i.indexrelid = ${keyIndex(oid, key)}`),
  unvalidated: (oid, key) => `(${unvalidated(oid, key)}) AS lacking`,
  keyExpression: () => "NULL",
  keyParts: () => "NULL",
  tracking: () => "NULL",
  files: () => "NULL",
  partitions: () => "NULL",
};
