import { sql, type SQL } from "drizzle-orm";
import { runs } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import type { RunReport, RunSummary } from "../model/report.js";
import { isUntranslatable } from "../postgres/database-error.js";
import { inAscii } from "./in-ascii.js";
import { writeUnderLease, type LeaseToken } from "./lease.js";
import { utcText } from "./utc-text.js";

/** Reports kept for each target: at seven runs a day, most of a year. */
const KEPT_RUNS = 2_000;

/** Writes the report of a run that ends, and forgets the oldest. Letters that the database lacks become `?`. */
export async function recordRun(database: Database, token: LeaseToken, report: RunReport): Promise<void> {
  const text = JSON.stringify(report);
  await recordText(database, token, report, text).catch((error: unknown) => {
    if (!isUntranslatable(error)) throw error;
    return recordText(database, token, report, inAscii(text));
  });
}

async function recordText(
  database: Database,
  token: LeaseToken,
  report: RunReport,
  text: string,
): Promise<void> {
  const { calls, bytesRead, bytesWritten } = report.totals;
  await writeUnderLease(
    database,
    token,
    token.mirrors,
    "recording the run",
    sql`DELETE FROM ${runs} r USING held
         WHERE r.target_id = held_target
           AND r.started_at < (SELECT started_at FROM ${runs} WHERE target_id = ${token.targetId}
                                ORDER BY started_at DESC OFFSET ${KEPT_RUNS} LIMIT 1)`,
    sql`INSERT INTO ${runs} (id, target_id, mode, started_at, finished_at, exit_code, report,
                             calls, bytes_read, bytes_written, loaded)
        SELECT ${report.runId}::uuid, held_target, ${report.mode}, ${report.startedAt}::text::timestamptz,
               ${report.finishedAt}::text::timestamptz, ${report.exitCode}::integer, ${text}::text::jsonb,
               ${calls}::integer, ${bytesRead}::bigint, ${bytesWritten}::bigint,
               ${report.tables.some(({ firstLoad }) => firstLoad)}::boolean
          FROM held
        ON CONFLICT (id) DO UPDATE SET finished_at = excluded.finished_at, exit_code = excluded.exit_code,
          report = excluded.report, calls = excluded.calls, bytes_read = excluded.bytes_read,
          bytes_written = excluded.bytes_written, loaded = excluded.loaded`,
  );
}

/** SQL: the latest runs of a deployment, newest first, as a JSON array of `RunSummary`. What they say is read from their reports. */
export function runsSql(target: SQL, limit: number): SQL {
  return sql`(
    SELECT coalesce(json_agg(json_build_object(
             'id', id, 'mode', mode, 'startedAt', ${utcText(sql`started_at`)}, 'exitCode', exit_code,
             'durationMs', (report ->> 'durationMs')::float8, 'loaded', coalesce(loaded, false), 'totals', report -> 'totals',
             'watermarkAt', (SELECT CASE WHEN bool_and(t -> 'watermark' ->> 'at' IS NOT NULL)
                                         THEN min(t -> 'watermark' ->> 'at') END FROM jsonb_array_elements(report -> 'tables') t),
             'grown', (SELECT coalesce(jsonb_object_agg(t ->> 'table', (t ->> 'inserted')::bigint - (t ->> 'deleted')::bigint), '{}')
                         FROM jsonb_array_elements(report -> 'tables') t),
             'failed', (SELECT coalesce(json_agg(t ->> 'table'), '[]')
                          FROM jsonb_array_elements(report -> 'tables') t WHERE t ->> 'outcome' <> 'done'))
             ORDER BY started_at DESC), '[]')
      FROM (SELECT * FROM ${runs} WHERE target_id = ${target} AND report IS NOT NULL
             ORDER BY started_at DESC LIMIT ${limit}::integer) AS latest)`;
}

export async function readRuns(database: Database, targetId: number, limit: number): Promise<RunSummary[]> {
  const [row] = await database.executeDrizzle("reading the runs", (db) =>
    db.execute<{ runs: string }>(sql`SELECT ${runsSql(sql`${targetId}::integer`, limit)}::text AS runs`),
  );
  return JSON.parse(row!.runs) as RunSummary[];
}

/** The reports of the runs whose name begins so; two where there are several. */
export async function findRuns(
  database: Database,
  targetId: number,
  beginning: string,
): Promise<RunReport[]> {
  const rows = await database.executeDrizzle("reading a run", (db) =>
    db.execute<{ report: string }>(sql`
      SELECT report::text AS report FROM ${runs}
       WHERE target_id = ${targetId}::integer AND report IS NOT NULL AND starts_with(id::text, ${beginning}::text)
       ORDER BY started_at DESC LIMIT 2`),
  );
  return rows.map(({ report }) => JSON.parse(report) as RunReport);
}
