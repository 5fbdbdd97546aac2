import { sql, type SQL } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";

/**
 * A timestamptz as ISO 8601 in UTC with microseconds, printed by Postgres: how it prints one by itself depends on the
 * session's time zone and date style, and a pooler may hand over a session that somebody else has set up.
 */
export function utcText(column: PgColumn | SQL): SQL<string | null> {
  return sql<string | null>`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
