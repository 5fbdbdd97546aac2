import type { Database } from "../postgres/database.js";

/**
 * A condition that keeps a statement's answer back until everything that the statement shows would outlive a crash of
 * Postgres. A row committed with `synchronous_commit = off` is visible before it is on the disk. Sent to Convex and
 * then lost by a crash, it would leave a document that no row explains and no delta looks at again: the entry in
 * the log is lost with it. So the reading statement itself writes to the WAL and commits synchronously: its commit record comes
 * after those of all that it sees, and is flushed (on Neon: safe with the safekeepers) before the driver has the rows.
 * In one statement, because one that is repeated after a crash must read again.
 */
const DURABLE = `(SELECT pg_catalog.set_config('synchronous_commit', 'on', true) IS NOT NULL
  AND pg_catalog.pg_logical_emit_message(true, 'datahub_sync', '') IS NOT NULL)`;

/** The condition, but for who acts upon nothing that it reads: a message in the WAL is a write, too. */
export function durable({ isReadOnly }: Pick<Database, "isReadOnly">): string {
  return isReadOnly ? "true" : DURABLE;
}
