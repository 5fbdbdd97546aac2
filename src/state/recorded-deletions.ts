import { sql } from "drizzle-orm";
import { deletions, leases, mirrors, targets, trackedTables } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import { writeUnderLease, type LeaseToken } from "./lease.js";
import { utcText } from "./utc-text.js";

/**
 * A mirror that has not run for so long is forgotten by the runs of others: taken out of the configuration, or of a
 * deployment that is no longer used. It would keep recorded deletions for ever. Nothing is lost: should it run again,
 * it compares everything.
 */
export const MIRROR_RETENTION_DAYS = 30;

/** A mirror that recorded deletions wait for, and that the mirrors of other deployments have overtaken by a day. */
export interface IdleMirror {
  mirror: string;
  /** Of the deployment. */
  url: string;
  /** The time of its watermark, or of its interrupted first load; ISO 8601, UTC. */
  lastAt: string;
  deletions: number;
}

/** Where a mirror's next run begins. A first load has no watermark yet and will ask from its snapshot on. */
const position = sql`coalesce(${mirrors.watermark}, ${mirrors.runSnapshot})`;
const positionAt = sql`coalesce(${mirrors.watermarkAt}, ${mirrors.runSnapshotAt})`;
const retention = sql`make_interval(days => ${MIRROR_RETENTION_DAYS}::integer)`;

/**
 * Removes recorded deletions that no run will ask for again: below the watermark of every mirror of their table, in
 * every target. Called at the start of a run, so that those watermarks were committed by earlier runs. What no mirror
 * waits for may be asked for by a first load that has just begun; after the retention it is not.
 * @param running the mirrors of this run
 */
export async function purgeRecordedDeletions(
  database: Database,
  token: LeaseToken,
  running: readonly string[],
): Promise<void> {
  await forgetIdleMirrors(database, token, running);
  await writeUnderLease(
    database,
    token,
    "purging recorded deletions",
    sql`DELETE FROM ${deletions} d
         USING held, (SELECT t.id, (SELECT min(pg_snapshot_xmin(${position})::text::numeric)::text::xid8
                                      FROM ${mirrors} WHERE ${mirrors.trackedId} = t.id) AS passed
                        FROM (SELECT DISTINCT tracked_id AS id FROM ${deletions}) t) AS waiting
         WHERE d.tracked_id = waiting.id
           AND CASE WHEN passed IS NULL THEN d.recorded_at < now() - ${retention} ELSE d.xid < passed END`,
  );
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
           AND EXISTS (SELECT FROM ${deletions} WHERE ${deletions.trackedId} = ${mirrors.trackedId})
           AND NOT EXISTS (SELECT FROM ${leases} WHERE ${leases.targetId} = ${mirrors.targetId}
                              AND NOT ${leases.released} AND ${leases.expiresAt} > clock_timestamp()
                              AND ${leases.targetId} <> held_target)
           AND NOT (${mirrors.targetId} = held_target AND ${mirrors.name} = ANY (${arrayLiteral(running)}::text::text[]))`,
  );
}

/** What keeps recorded deletions from being purged, oldest first. */
export async function findIdleMirrors(database: Database): Promise<IdleMirror[]> {
  const rows = await database.runDrizzle("looking for what keeps recorded deletions", (db) =>
    db.execute<{ mirror: string; url: string; last_at: string; deletions: string }>(sql`
      SELECT ${mirrors.name} AS mirror, ${targets.url} AS url, ${utcText(positionAt)} AS last_at,
             (SELECT count(*) FROM ${deletions} WHERE ${deletions.trackedId} = ${mirrors.trackedId}
                 AND ${deletions.xid} >= pg_snapshot_xmin(${position}))::text AS deletions
        FROM ${mirrors} JOIN ${targets} ON ${targets.id} = ${mirrors.targetId}
        JOIN ${trackedTables} ON ${trackedTables.id} = ${mirrors.trackedId}
       WHERE ${positionAt} < now() - interval '1 day'
         AND EXISTS (SELECT FROM ${deletions} WHERE ${deletions.trackedId} = ${mirrors.trackedId}
                        AND ${deletions.xid} >= pg_snapshot_xmin(${position}))
       ORDER BY ${positionAt}`),
  );
  return rows.map(({ mirror, url, last_at: lastAt, deletions: n }) => ({
    ...{ mirror, url, lastAt },
    deletions: Number(n),
  }));
}
