import { sql } from "drizzle-orm";
import { changes, leases, mirrors, targets, trackedTables } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import { leaseLost, heldLeaseSql, writeUnderLease, type LeaseToken } from "./lease.js";
import { utcText } from "./utc-text.js";

/**
 * A mirror that has not run for so long is forgotten by the runs of others: taken out of the configuration, or of a
 * deployment that is no longer used. It would keep the change log for ever. Nothing is lost: should it run again, it
 * compares everything.
 */
export const MIRROR_RETENTION_DAYS = 30;

/** Entries deleted by one statement: it holds no lock that a writer waits for, and little memory. */
const PURGE_BATCH = 50_000;

/** A mirror that the change log is kept for, and that has not run for a day. */
export interface IdleMirror {
  mirror: string;
  /** Of the deployment. */
  url: string;
  /** The time of its watermark, or of its interrupted first load; ISO 8601, UTC. */
  lastAt: string;
  entries: number;
}

/** What the change log takes of the database. */
export interface ChangeLogSize {
  entries: number;
  /** Files, with the index. */
  bytes: number;
}

/** Where a mirror's next run begins. A first load has no watermark yet and will ask from its snapshot on. */
const position = sql`coalesce(${mirrors.watermark}, ${mirrors.runSnapshot})`;
const positionAt = sql`coalesce(${mirrors.watermarkAt}, ${mirrors.runSnapshotAt})`;
const retention = sql`make_interval(days => ${MIRROR_RETENTION_DAYS}::integer)`;
const leaseIsHeld = sql`EXISTS (SELECT FROM ${leases} WHERE ${leases.targetId} = ${mirrors.targetId}
                                   AND NOT ${leases.released} AND ${leases.expiresAt} > clock_timestamp())`;

/**
 * Removes entries that no run will ask for again: what the watermark of every mirror of their table has seen, in every
 * target. By visibility, and not by an xmin, or one old transaction would keep the whole log; and by the index, so that what
 * an idle mirror keeps is not read by each run. Called at the start of a
 * run, so that those watermarks were committed by earlier runs. A mirror without a watermark that runs just now, in
 * another process, is about to take its snapshot: nothing of its table goes. Entries of a transaction that this cluster
 * has not begun yet came with a dump of another one.
 * @param running the mirrors of this run
 */
export async function purgeChanges(
  database: Database,
  token: LeaseToken,
  running: readonly string[],
): Promise<void> {
  await forgetIdleMirrors(database, token, running);
  for (;;) {
    const rows = await database.runDrizzle("purging the change log", (db) =>
      db.execute<{ purged: string }>(sql`
        WITH RECURSIVE ${heldLeaseSql(token)},
             logged (id) AS (
               (SELECT min(${changes.trackedId}) FROM ${changes})
               UNION ALL
               SELECT (SELECT min(${changes.trackedId}) FROM ${changes} WHERE ${changes.trackedId} > logged.id)
                 FROM logged WHERE logged.id IS NOT NULL),
             seen AS (
               SELECT logged.id,
                      coalesce(min(pg_snapshot_xmax(${position})::text::numeric)::text::xid8, pg_snapshot_xmax(pg_current_snapshot())) AS xmax
                 FROM logged CROSS JOIN held LEFT JOIN ${mirrors} ON ${mirrors.trackedId} = logged.id
                WHERE logged.id IS NOT NULL
                GROUP BY logged.id
               HAVING NOT coalesce(bool_or(${position} IS NULL AND ${mirrors.targetId} <> held_target AND ${leaseIsHeld}), false)),
             passed AS (
               DELETE FROM ${changes} WHERE ctid = ANY (ARRAY(
                 (SELECT c.ctid FROM seen JOIN ${changes} c ON c.tracked_id = seen.id AND c.xid < seen.xmax
                   WHERE NOT EXISTS (SELECT FROM ${mirrors} WHERE ${mirrors.trackedId} = c.tracked_id
                                        AND NOT pg_visible_in_snapshot(c.xid, ${position}))
                   LIMIT ${PURGE_BATCH})
                 UNION ALL
                 (SELECT c.ctid FROM seen JOIN ${changes} c
                      ON c.tracked_id = seen.id AND c.xid >= pg_snapshot_xmax(pg_current_snapshot())
                   LIMIT ${PURGE_BATCH})))
               RETURNING 1)
        SELECT (SELECT count(*) FROM passed)::text AS purged FROM held`),
    );
    if (rows.length === 0) throw leaseLost();
    if (Number(rows[0]!.purged) < PURGE_BATCH) return;
  }
}

/** A run that is going on keeps its mirrors, this one those that it runs: their watermarks are about to move. */
async function forgetIdleMirrors(
  database: Database,
  token: LeaseToken,
  running: readonly string[],
): Promise<void> {
  await writeUnderLease(
    database,
    token,
    "forgetting mirrors that no longer run",
    sql`DELETE FROM ${mirrors} USING held
         WHERE ${positionAt} < now() - ${retention}
           AND EXISTS (SELECT FROM ${changes} WHERE ${changes.trackedId} = ${mirrors.trackedId})
           AND NOT (${mirrors.targetId} <> held_target AND ${leaseIsHeld})
           AND NOT (${mirrors.targetId} = held_target AND ${mirrors.name} = ANY (${arrayLiteral(running)}::text::text[]))`,
  );
}

/** Below this, a table that nobody reads yet is about to be read for the first time. */
const UNREAD_ENTRIES = 10_000;

/** Tracked tables of which no mirror has ever run: their entries are purged by the runs of others alone. */
export async function findUnreadTables(database: Database): Promise<{ table: string; entries: number }[]> {
  const rows = await database.runDrizzle("looking for tables that nobody mirrors", (db) =>
    db.execute<{ table: string; entries: string }>(sql`
      SELECT format('%s.%s', schema_name, table_name) AS table, count(*)::text AS entries
        FROM ${changes} JOIN ${trackedTables} ON ${trackedTables.id} = ${changes.trackedId}
       WHERE NOT EXISTS (SELECT FROM ${mirrors} WHERE ${mirrors.trackedId} = ${changes.trackedId})
       GROUP BY 1 HAVING count(*) >= ${UNREAD_ENTRIES} ORDER BY 1`),
  );
  return rows.map(({ table, entries }) => ({ table, entries: Number(entries) }));
}

export async function readChangeLogSize(database: Database): Promise<ChangeLogSize> {
  const [row] = await database.runDrizzle("measuring the change log", (db) =>
    db.execute<{ entries: string; bytes: string }>(sql`
      SELECT (SELECT count(*) FROM ${changes})::text AS entries,
             pg_total_relation_size('datahub_sync.changes')::text AS bytes`),
  );
  return { entries: Number(row!.entries), bytes: Number(row!.bytes) };
}

/** What lets the change log grow, oldest first. */
export async function findIdleMirrors(database: Database): Promise<IdleMirror[]> {
  const waiting = sql`${changes.trackedId} = ${mirrors.trackedId} AND NOT pg_visible_in_snapshot(${changes.xid}, ${position})`;
  const rows = await database.runDrizzle("looking for what the change log is kept for", (db) =>
    db.execute<{ mirror: string; url: string; last_at: string; entries: string }>(sql`
      SELECT ${mirrors.name} AS mirror, ${targets.url} AS url, ${utcText(positionAt)} AS last_at,
             (SELECT count(*) FROM ${changes} WHERE ${waiting})::text AS entries
        FROM ${mirrors} JOIN ${targets} ON ${targets.id} = ${mirrors.targetId}
       WHERE ${positionAt} < now() - interval '1 day' AND EXISTS (SELECT FROM ${changes} WHERE ${waiting})
       ORDER BY ${positionAt}`),
  );
  return rows.map(({ mirror, url, last_at: lastAt, entries }) => ({
    ...{ mirror, url, lastAt },
    entries: Number(entries),
  }));
}
