import type { Database } from "../postgres/database.js";
import { quoteRelation } from "../postgres/identifier.js";
import { unseenEntries } from "./change-log.js";
import type { MirrorSource } from "../model/mirror-source.js";
import type { Snapshot } from "../model/snapshot.js";

/** A mirror whose rows, and whose changes that wait, are to be counted. */
export interface CountQuestion {
  source: MirrorSource;
  /** Null where the log is not asked. */
  watermark: Snapshot | null;
}

export interface SourceCounts {
  rows: number;
  /** Keys that wait for a run. */
  changes: number | null;
}

/** The oldest open transaction, and how far it is behind. */
export interface Horizon {
  xidsBehind: string;
  oldest: string | null;
}

/** Counts these mirrors' rows and changes that wait, and looks for what holds the horizon back; in one statement. */
export async function countSource(
  database: Database,
  questions: readonly CountQuestion[],
): Promise<{ counts: SourceCounts[]; horizon: Horizon | null }> {
  const rows = questions.map(({ source }) => `(SELECT count(*) FROM ${quoteRelation(source.relation)})`);
  const asked = questions.map(({ source, watermark }, place) => ({
    place,
    since: watermark,
    trackedId: source.sight.trackedId,
  }));
  const [row] = await database.execute("counting rows and changes that wait", (sql) =>
    sql.unsafe<{ rows: string; changes: string | null; horizon: string }[]>(
      `SELECT json_build_array(${rows.join(", ")})::text AS rows,
              (SELECT json_object_agg(a.place, CASE WHEN a.since IS NOT NULL THEN
                        (SELECT count(DISTINCT coalesce(c.key, '')) FROM (${unseenEntries(OF, "", null)}) c) END)
                 FROM json_to_recordset($1::text::json) AS a (place integer, "trackedId" integer, since text))::text AS changes,
              ${HORIZON}::text AS horizon`,
      [JSON.stringify(asked)],
    ),
  );
  const changes = JSON.parse(row!.changes ?? "{}") as Record<string, number | null>;
  const horizon = JSON.parse(row!.horizon) as Horizon;
  return {
    counts: (JSON.parse(row!.rows) as number[]).map((n, place) => ({
      rows: n,
      changes: changes[String(place)] ?? null,
    })),
    horizon: horizon.xidsBehind === "0" ? null : horizon,
  };
}

const OF = { trackedId: `a."trackedId"`, since: "a.since::pg_snapshot" };

const HORIZON = `(
  SELECT json_build_object(
           'xidsBehind', (pg_snapshot_xmax(s)::text::numeric - pg_snapshot_xmin(s)::text::numeric)::text,
           'oldest', coalesce(
             (SELECT format('prepared transaction %s of %s, since %s', gid, owner, prepared)
                FROM pg_prepared_xacts ORDER BY prepared LIMIT 1),
             (SELECT format('session %s of %s (%s), in a transaction since %s', pid, usename, application_name, xact_start)
                FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start LIMIT 1)))
    FROM pg_current_snapshot() AS s)`;
