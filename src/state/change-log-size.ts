import { sql, type SQL } from "drizzle-orm";
import { changes, leases, mirrors } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import { heldLeasesSql, IS_LIVE, leaseLost, type LeaseToken } from "./lease.js";

/**
 * A mirror that has not run for so long is forgotten by the runs of others: taken out of the configuration, or of a
 * deployment that is no longer used. It would keep the change log for ever. Nothing is lost: should it run again, it
 * compares everything.
 */
export const MIRROR_RETENTION_DAYS = 30;

/** Entries deleted by one statement: it holds no lock that a writer waits for, and little memory. */
const PURGE_BATCH = 50_000;

/** Where a mirror's next run begins. A first load has no watermark yet and will ask from its snapshot on. */
export const position = sql`coalesce(${mirrors.watermark}, ${mirrors.runSnapshot})`;
export const positionAt = sql`coalesce(${mirrors.watermarkAt}, ${mirrors.runSnapshotAt})`;
const retention = sql`make_interval(days => ${MIRROR_RETENTION_DAYS}::integer)`;
/** Of another run than this one. */
const isRunning = (token: LeaseToken, targetId: SQL, mirror: SQL) =>
  sql`EXISTS (SELECT FROM ${leases} WHERE ${leases.targetId} = ${targetId} AND ${leases.mirror} = ${mirror}
                AND ${IS_LIVE} AND ${leases.nonce} <> ${token.nonce})`;

/**
 * Removes entries that no run will ask for again: what the watermark of every mirror of their table has seen, in every
 * target. By visibility, and not by an xmin, or one old transaction would keep the whole log; and by the index, so that what
 * an idle mirror keeps is not read by each run. Mirrors that have not run for long are forgotten first. Called at the start
 * of a run, so that those watermarks were committed by earlier runs. A mirror without a watermark that runs just now, in
 * another process, is about to take its snapshot: nothing of its table goes. Entries of a transaction that this cluster
 * has not begun yet came with a dump of another one.
 */
export async function purgeChanges(database: Database, token: LeaseToken): Promise<void> {
  for (;;) {
    const rows = await database.executeDrizzle("purging the change log", (db) =>
      db.execute<{ purged: string }>(sql`
        WITH RECURSIVE ${heldLeasesSql(token, token.mirrors)},
             forgotten AS (${forgetIdle(token)} RETURNING ${mirrors.targetId} AS target_id, ${mirrors.name} AS name),
             kept AS (
               SELECT m.target_id, m.name, m.tracked_id, coalesce(m.watermark, m.run_snapshot) AS position
                 FROM ${mirrors} m
                WHERE NOT EXISTS (SELECT FROM forgotten f WHERE f.target_id = m.target_id AND f.name = m.name)),
             logged (id) AS (
               (SELECT min(${changes.trackedId}) FROM ${changes})
               UNION ALL
               SELECT (SELECT min(${changes.trackedId}) FROM ${changes} WHERE ${changes.trackedId} > logged.id)
                 FROM logged WHERE logged.id IS NOT NULL),
             seen AS (
               SELECT logged.id,
                      coalesce(min(pg_snapshot_xmax(kept.position)::text::numeric)::text::xid8, pg_snapshot_xmax(pg_current_snapshot())) AS xmax
                 FROM logged CROSS JOIN held LEFT JOIN kept ON kept.tracked_id = logged.id
                WHERE logged.id IS NOT NULL
                GROUP BY logged.id
               HAVING NOT coalesce(bool_or(kept.position IS NULL AND ${isRunning(token, sql`kept.target_id`, sql`kept.name`)}), false)),
             passed AS (
               DELETE FROM ${changes} WHERE ctid = ANY (ARRAY(
                 (SELECT c.ctid FROM seen JOIN ${changes} c ON c.tracked_id = seen.id AND c.xid < seen.xmax
                   WHERE NOT EXISTS (SELECT FROM kept WHERE kept.tracked_id = c.tracked_id
                                        AND NOT pg_visible_in_snapshot(c.xid, kept.position))
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
function forgetIdle(token: LeaseToken): SQL {
  return sql`DELETE FROM ${mirrors} USING held
         WHERE ${positionAt} < now() - ${retention}
           AND EXISTS (SELECT FROM ${changes} WHERE ${changes.trackedId} = ${mirrors.trackedId})
           AND NOT ${isRunning(token, sql`${mirrors.targetId}`, sql`${mirrors.name}`)}
           AND NOT (${mirrors.targetId} = held_target AND ${mirrors.name} = ANY (${arrayLiteral(token.mirrors)}::text::text[]))`;
}
