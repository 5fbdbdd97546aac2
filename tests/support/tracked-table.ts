import type { Sql, TransactionSql } from "postgres";

/** Anything that takes statements: a pool, a reserved connection, a transaction. */
export type Statements = Sql | TransactionSql;

export interface TrackOptions {
  key?: string[];
  ignored?: string[];
  /** What is mirrored; by default everything that is not ignored. */
  compared?: string[];
  updatedAt?: "content" | "as-written" | "none";
  target?: string;
}

/** Calls the SQL function `track`, as `migrate` does. */
export async function track(
  sql: Statements,
  table: string,
  { key, ignored = [], compared, updatedAt = "as-written", target }: TrackOptions = {},
): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    SELECT datahub_sync.track(${table}::text::regclass, ${key ?? null}::text[], ${ignored}::text[],
                              ${compared ?? null}::text[], ${updatedAt}, ${target ?? null}) AS id`;
  return row!.id;
}

export async function untrack(sql: Statements, table: string): Promise<boolean> {
  const [row] = await sql<{ removed: boolean }[]>`
    SELECT datahub_sync.untrack(${table}::text::regclass) AS removed`;
  return row!.removed;
}

export interface LogEntry {
  kind: string;
  key: string | null;
}

/** What the triggers logged for a table, in order, with the keys as they are. */
export async function logEntries(sql: Statements, table: string): Promise<LogEntry[]> {
  const rows = await sql<LogEntry[]>`
    SELECT c.kind, c.key FROM datahub_sync.changes c JOIN datahub_sync.tracked_tables t ON t.id = c.tracked_id
     WHERE t.relation_oid = ${table}::pg_catalog.text::pg_catalog.regclass ORDER BY c.xid, c.id`;
  return rows.map(({ kind, key }) => ({ kind, key }));
}

export async function currentXid(sql: Statements): Promise<string> {
  const [row] = await sql<{ xid: string }[]>`SELECT pg_current_xact_id()::text AS xid`;
  return row!.xid;
}
