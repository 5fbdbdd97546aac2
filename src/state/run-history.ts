import { sql } from "drizzle-orm";
import { runs } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import type { RunReport } from "../model/report.js";
import { isUntranslatable } from "../postgres/database-error.js";
import { inAscii } from "./in-ascii.js";
import { writeUnderLease, type LeaseToken } from "./lease.js";

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
        ON CONFLICT (id) DO NOTHING`,
  );
}
