import type { Database } from "../postgres/database.js";
import { unknownOf, unseenEntries, type Unknown } from "./change-log.js";
import { durable } from "./durable.js";
import { parseSnapshot, type Snapshot, type SnapshotMoment } from "../model/snapshot.js";

/** A mirror that the log is asked about. */
export interface LogQuestion {
  trackedId: number;
  /** Null before its first finished run: then nothing is asked of the log. */
  watermark: Snapshot | null;
  /** Of a run that was interrupted. */
  openSnapshot: Snapshot | null;
}

export interface LogAnswer {
  /** Something was logged that the watermark had not seen. */
  hasChanges: boolean;
  /** Why keys alone do not tell what changed since the watermark. */
  unknown: Unknown | null;
  /**
   * One of the snapshots knows of transactions that this server has not begun: it is another one than it was, or was set
   * back. What it logs from now on would seem to be seen already.
   */
  isAhead: boolean;
}

/**
 * The snapshot that runs of these mirrors begin with, and what the log holds by that snapshot: one statement, so that
 * nothing can be logged between the two. Durable: after a crash, xids whose WAL was never flushed are handed out again, and
 * no change that is logged with such an xid may look older than the snapshot.
 */
export async function lookAtLog(
  database: Database,
  questions: readonly LogQuestion[],
): Promise<{ taken: SnapshotMoment; answers: LogAnswer[] }> {
  const asked = questions.map(({ trackedId, watermark, openSnapshot }, place) => ({
    place,
    trackedId,
    since: watermark && parseSnapshot(watermark),
    open: openSnapshot && parseSnapshot(openSnapshot),
  }));
  const [row] = await database.execute("taking the snapshot", (sql) =>
    sql.unsafe<{ snapshot: string; at: string; found: string | null }[]>(lookSql(durable(database)), [
      JSON.stringify(asked),
    ]),
  );
  const { snapshot, at, found } = row!;
  const byPlace = new Map((JSON.parse(found ?? "[]") as Found[]).map((one) => [one.place, one]));
  return {
    taken: { snapshot: parseSnapshot(snapshot), at },
    answers: questions.map((_, place) => {
      const { hasChanges, unknown, isAhead } = byPlace.get(place)!;
      return { hasChanges, isAhead, unknown: unknown === null ? null : unknownOf(unknown) };
    }),
  };
}

interface Found {
  place: number;
  hasChanges: boolean;
  /** The kind of the first entry without a key. */
  unknown: string | null;
  isAhead: boolean;
}

const OF = { trackedId: `a."trackedId"`, since: "a.since::pg_snapshot" };
const isAhead = (snapshot: string) =>
  `coalesce(pg_snapshot_xmax(${snapshot}::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false)`;

const lookSql = (condition: string): string => `
  SELECT pg_current_snapshot()::text AS snapshot,
         to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
         (SELECT json_agg(json_build_object('place', a.place, 'hasChanges', changed.is_so,
                   'unknown', CASE WHEN changed.is_so THEN
                     (SELECT c.kind FROM (${unseenEntries(OF, "AND c.key IS NULL", 1)}) c ORDER BY c.xid, c.id LIMIT 1) END,
                   'isAhead', ${isAhead("a.since")} OR ${isAhead("a.open")}))
            FROM json_to_recordset($1::text::json) AS a (place integer, "trackedId" integer, since text, open text)
           CROSS JOIN LATERAL (
             SELECT a.since IS NOT NULL AND EXISTS (${unseenEntries(OF, "", 1)}) AS is_so OFFSET 0) AS changed)::text AS found
   WHERE ${condition}`;
