import type { RelationName } from "../model/config.js";
import type { Sql } from "../postgres/database.js";
import type { RelationColumn } from "./relation.js";

/** A column `updated_at` that can follow the content, as `datahub_sync.has_updated_at` has it. */
export function isUpdatedAt({ name, type }: RelationColumn): boolean {
  return name === "updated_at" && type.schema === "pg_catalog" && /^timestamp(tz)?$/.test(type.name);
}

/**
 * The tables under these relations whose `updated_at` would follow the content from now on, and does not yet. Asks
 * nothing of our own schema: it may not be there.
 */
export async function findContentTables(
  sql: Sql,
  relations: readonly RelationName[],
): Promise<RelationName[]> {
  const tables = new Map<string, RelationName>();
  for (const { schema, name } of relations) {
    const [relation] = await sql.unsafe<{ oid: string; kind: string }[]>(
      `SELECT c.oid::text, c.relkind::text AS kind
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2`,
      [schema, name],
    );
    if (relation === undefined) continue;
    const bases = relation.kind === "v" ? await readBaseTables(sql, relation.oid) : [{ schema, name }];
    for (const base of bases) {
      if (await willFollow(sql, base)) tables.set(`${base.schema}.${base.name}`, base);
    }
  }
  return [...tables.values()];
}

async function willFollow(sql: Sql, { schema, name }: RelationName): Promise<boolean> {
  const rows = await sql.unsafe(
    `SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'updated_at' AND NOT a.attisdropped
        AND a.atttypid IN ('pg_catalog.timestamp'::regtype, 'pg_catalog.timestamptz'::regtype)
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t
                         WHERE t.tgrelid = c.oid AND t.tgname ~ '^zzz_datahub_sync_[0-9]+_content$')`,
    [schema, name],
  );
  return rows.length > 0;
}

/** What a view's rules refer to, through other views too: relations, and the numbers of their columns. */
const USED_BY_VIEW = `
  WITH RECURSIVE used (oid, number) AS (
    SELECT $1::text::oid, 0
    UNION
    SELECT d.refobjid, d.refobjsubid
      FROM used u
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = u.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> u.oid)`;

/** The tables under a view. */
async function readBaseTables(sql: Sql, viewOid: string): Promise<RelationName[]> {
  return sql.unsafe<RelationName[]>(
    `${USED_BY_VIEW}
     SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
       FROM used u
       JOIN pg_catalog.pg_class c ON c.oid = u.oid AND c.relkind <> 'v' AND c.oid <> $1::text::oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      ORDER BY 1, 2`,
    [viewOid],
  );
}
