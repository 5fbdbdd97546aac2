import type { Sql, TransactionSql } from "postgres";

/** Anything that takes statements: a pool, a reserved connection, a transaction. */
export type Statements = Sql | TransactionSql;

export interface TrackOptions {
  key?: string[];
  ignored?: string[];
}

/** Calls the SQL function `track`, as `migrate` does. */
export async function track(
  sql: Statements,
  table: string,
  { key, ignored = [] }: TrackOptions = {},
): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    SELECT datahub_sync.track(${table}::text::regclass, ${key ?? null}::text[], ${ignored}::text[]) AS id`;
  return row!.id;
}

export async function untrack(sql: Statements, table: string): Promise<boolean> {
  const [row] = await sql<{ removed: boolean }[]>`
    SELECT datahub_sync.untrack(${table}::text::regclass) AS removed`;
  return row!.removed;
}

export interface DeletionRecord {
  kind: string;
  key: string | null;
}

/** What the triggers recorded for a table, in order. */
export async function deletionRecords(sql: Statements, table: string): Promise<DeletionRecord[]> {
  const rows = await sql<DeletionRecord[]>`
    SELECT d.kind, d.key FROM datahub_sync.deletions d JOIN datahub_sync.tracked_tables t ON t.id = d.tracked_id
     WHERE t.table_name = ${table} ORDER BY d.id`;
  return rows.map(({ kind, key }) => ({ kind, key }));
}

export async function currentXid(sql: Statements): Promise<string> {
  const [row] = await sql<{ xid: string }[]>`SELECT pg_current_xact_id()::text AS xid`;
  return row!.xid;
}
