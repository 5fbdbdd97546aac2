import { eq, sql } from "drizzle-orm";
import { changes, mirrors, targets, trackedTables } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import { position, positionAt } from "./change-log-size.js";
import type { RunSummary } from "../model/report.js";
import { leasesSql, type LeaseHolder } from "./read-leases.js";
import { runsSql } from "./run-history.js";
import { spendingSql, type Spending } from "./spending.js";
import { utcText } from "./utc-text.js";

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

/** What the state says of a deployment, and of the change log of all. */
export interface Overview {
  /** Null for a deployment that no run has seen. */
  targetId: number | null;
  /** The runs that are going on, the oldest first. */
  running: LeaseHolder[];
  changeLog: ChangeLogSize;
  /** What lets the change log grow, oldest first. */
  idleMirrors: IdleMirror[];
  /** Tracked tables of which no mirror has ever run: their entries are purged by the runs of others alone. */
  unreadTables: { table: string; entries: number }[];
  spending: Spending;
  /** Newest first. */
  recentRuns: RunSummary[];
}

/** Runs that are shown beside each other. */
const RECENT_RUNS = 40;

/** Below this, a table that nobody reads yet is about to be read for the first time. */
const UNREAD_ENTRIES = 10_000;

/** One statement. */
export async function readOverview(database: Database, url: string): Promise<Overview> {
  const target = sql`(SELECT ${targets.id} FROM ${targets} WHERE ${eq(targets.url, url)})`;
  const waiting = sql`${changes.trackedId} = ${mirrors.trackedId} AND NOT pg_visible_in_snapshot(${changes.xid}, ${position})`;
  const [row] = await database.executeDrizzle("reading the state", (db) =>
    db.execute<{ overview: string }>(sql`
      SELECT json_build_object(
        'targetId', ${target},
        'running', ${leasesSql(target)},
        'spending', ${spendingSql(target)},
        'recentRuns', ${runsSql(target, RECENT_RUNS)},
        'changeLog', json_build_object('entries', (SELECT count(*) FROM ${changes}),
                                       'bytes', pg_total_relation_size('datahub_sync.changes')),
        'idleMirrors', (
          SELECT coalesce(json_agg(json_build_object('mirror', ${mirrors.name}, 'url', ${targets.url},
                            'lastAt', ${utcText(positionAt)},
                            'entries', (SELECT count(*) FROM ${changes} WHERE ${waiting})) ORDER BY ${positionAt}), '[]')
            FROM ${mirrors} JOIN ${targets} ON ${targets.id} = ${mirrors.targetId}
           WHERE ${positionAt} < now() - interval '1 day' AND EXISTS (SELECT FROM ${changes} WHERE ${waiting})),
        'unreadTables', (
          SELECT coalesce(json_agg(json_build_object('table', named, 'entries', n) ORDER BY named), '[]')
            FROM (SELECT format('%s.%s', schema_name, table_name) AS named, count(*) AS n
                    FROM ${changes} JOIN ${trackedTables} ON ${trackedTables.id} = ${changes.trackedId}
                   WHERE NOT EXISTS (SELECT FROM ${mirrors} WHERE ${mirrors.trackedId} = ${changes.trackedId})
                   GROUP BY 1 HAVING count(*) >= ${UNREAD_ENTRIES}) AS unread))::text AS overview`),
  );
  return JSON.parse(row!.overview) as Overview;
}
