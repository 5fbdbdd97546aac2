import { sql, type SQL } from "drizzle-orm";
import { runs } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";

/** What the runs of a deployment have cost in Convex, as they were told. Runs that crashed told nothing. */
export interface Spending {
  /** The calendar month in UTC, by the database's clock: `2026-11`. */
  month: string;
  /** Since it began. */
  calls: number;
  bytesRead: number;
  bytesWritten: number;
  /** Until it ends. */
  daysLeft: number;
  /** Of the last weeks' runs, but those that loaded a table for the first time; null where there is none. */
  pace: {
    /** Since the first of them, at least 1. */
    days: number;
    calls: number;
    /** Read and written. */
    bytes: number;
    /** Of a delta run, in the mean; null where there is none. */
    deltaBytes: number | null;
  } | null;
}

/** Four times a week, so that each day of the week counts as often as the others. */
const PACE = sql.raw(`interval '28 days'`);

/** The month's first moment. */
const MONTH = sql`date_trunc('month', now() AT TIME ZONE 'UTC')`;

/** SQL: a `Spending` as JSON. One index range of small columns, whatever the reports of the runs hold. */
export function spendingSql(target: SQL): SQL {
  const sumOf = (column: SQL, where: SQL) => sql`coalesce(sum(${column}) FILTER (WHERE ${where}), 0)`;
  const bytes = sql`(bytes_read + bytes_written)`;
  const ofMonth = sql`started_at >= ${MONTH} AT TIME ZONE 'UTC'`;
  const ofPace = sql`started_at >= now() - ${PACE} AND NOT loaded`;
  return sql`(
    SELECT json_build_object(
      'month', to_char(${MONTH}, 'YYYY-MM'),
      'calls', ${sumOf(sql`calls`, ofMonth)},
      'bytesRead', ${sumOf(sql`bytes_read`, ofMonth)},
      'bytesWritten', ${sumOf(sql`bytes_written`, ofMonth)},
      'daysLeft', extract(epoch FROM ${MONTH} + interval '1 month' - now() AT TIME ZONE 'UTC') / 86400,
      'pace', CASE WHEN count(*) FILTER (WHERE ${ofPace}) > 0 THEN json_build_object(
        'days', greatest(1, extract(epoch FROM now() - min(started_at) FILTER (WHERE ${ofPace})) / 86400),
        'calls', ${sumOf(sql`calls`, ofPace)},
        'bytes', ${sumOf(bytes, ofPace)},
        'deltaBytes', avg(${bytes}) FILTER (WHERE ${ofPace} AND mode = 'delta')) END)
      FROM ${runs}
     WHERE target_id = ${target} AND started_at >= least(now() - ${PACE}, ${MONTH} AT TIME ZONE 'UTC'))`;
}

export async function readSpending(database: Database, targetId: number): Promise<Spending> {
  const [row] = await database.executeDrizzle("adding up what runs have cost", (db) =>
    db.execute<{ spending: string }>(sql`SELECT ${spendingSql(sql`${targetId}::integer`)}::text AS spending`),
  );
  return JSON.parse(row!.spending) as Spending;
}
