import { and, eq, sql, type SQL } from "drizzle-orm";
import { mirrors } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import type { RunMode } from "../report.js";
import { heldLease, heldLeaseSql, leaseLost, type LeaseToken } from "./lease.js";
import type { OpenRun } from "./mirror-record.js";

/**
 * Writes that a run of this mirror has begun; with `voidWatermark`, also that what came before cannot be trusted, so
 * that a crash of this run leaves no watermark to go on from. The commit is synchronous: after a crash of Postgres,
 * xids whose WAL was never flushed are handed out again, and a row stamped with one of them would seem older than the
 * snapshot. A flushed write after the snapshot and before the first row is read rules that out.
 */
export async function openRun(
  database: Database,
  token: LeaseToken,
  name: string,
  trackedId: number,
  run: OpenRun,
  { voidWatermark = false } = {},
): Promise<void> {
  const rows = await database.runDrizzle(`writing the start of ${name}`, (db) =>
    db.execute(sql`
      WITH ${heldLeaseSql(token)},
           durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
      INSERT INTO ${mirrors} (target_id, name, tracked_id, run_nonce, run_prior_nonce, run_mode, run_snapshot, run_snapshot_at,
                              run_generation, run_fingerprint, run_files, run_history, run_cursor, run_final_nonce)
      SELECT held_target, ${name}, ${trackedId}::integer, ${run.nonce}, ${run.priorNonce}, ${run.mode}, ${run.snapshot}::text::pg_snapshot,
             ${run.snapshotAt}::text::timestamptz, ${run.generation}::integer, ${run.fingerprint}, ${run.files}, ${run.history},
             ${run.cursor === null ? null : JSON.stringify(run.cursor)}::text::jsonb, NULL
        FROM held, durable
      ON CONFLICT (target_id, name) DO UPDATE
        SET tracked_id = excluded.tracked_id, run_nonce = excluded.run_nonce,
            run_prior_nonce = excluded.run_prior_nonce, run_mode = excluded.run_mode,
            run_snapshot = excluded.run_snapshot, run_snapshot_at = excluded.run_snapshot_at,
            run_generation = excluded.run_generation, run_fingerprint = excluded.run_fingerprint,
            run_files = excluded.run_files, run_history = excluded.run_history,
            run_cursor = excluded.run_cursor, run_final_nonce = NULL${
              voidWatermark ? sql`, watermark = NULL, watermark_at = NULL, nonce = NULL` : sql``
            }
      RETURNING 1 AS written`),
  );
  if (rows.length === 0) throw leaseLost();
}

/** Moves the open run's cursor: everything before it is acknowledged. */
export async function saveCursor(
  database: Database,
  token: LeaseToken,
  name: string,
  cursor: unknown,
): Promise<void> {
  await update(database, token, name, `writing the progress of ${name}`, { runCursor: cursor });
}

/**
 * Ends an interrupted run inside the one that resumed it: its snapshot becomes the watermark, and the run goes on
 * with a newer one. Durable for the same reason as `openRun`.
 */
export async function advanceRun(
  database: Database,
  token: LeaseToken,
  name: string,
  next: { snapshot: string; at: string },
): Promise<void> {
  const rows = await database.runDrizzle(`moving the watermark of ${name}`, (db) =>
    db.execute(sql`
      WITH ${heldLeaseSql(token)},
           durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
      UPDATE ${mirrors} m
         SET watermark = run_snapshot, watermark_at = run_snapshot_at, generation = run_generation,
             fingerprint = run_fingerprint, files = run_files, run_cursor = NULL,
             run_snapshot = ${next.snapshot}::text::pg_snapshot, run_snapshot_at = ${next.at}::text::timestamptz
        FROM held, durable
       WHERE m.target_id = held_target AND m.name = ${name} AND run_nonce = ${token.nonce}
      RETURNING 1 AS written`),
  );
  if (rows.length === 0) throw leaseLost();
}

/** Written before Convex is told: a crash in between is then recognised by this nonce, on either side. */
export async function announceEnd(
  database: Database,
  token: LeaseToken,
  name: string,
  finalNonce: string,
): Promise<void> {
  await update(database, token, name, `announcing the end of ${name}`, { runFinalNonce: finalNonce });
}

/**
 * The last step of a run: its snapshot becomes the watermark. Only after Convex has acknowledged everything below it
 * (invariant 3).
 */
export async function commitWatermark(
  database: Database,
  token: LeaseToken,
  name: string,
  mode: RunMode,
  outcome: string,
): Promise<void> {
  const now = sql`clock_timestamp()`;
  await update(database, token, name, `moving the watermark of ${name}`, {
    watermark: sql`${mirrors.runSnapshot}`,
    watermarkAt: sql`${mirrors.runSnapshotAt}`,
    generation: sql`${mirrors.runGeneration}`,
    fingerprint: sql`${mirrors.runFingerprint}`,
    files: sql`${mirrors.runFiles}`,
    nonce: sql`${mirrors.runFinalNonce}`,
    runNonce: null,
    runPriorNonce: null,
    runMode: null,
    runSnapshot: null,
    runSnapshotAt: null,
    runGeneration: null,
    runFingerprint: null,
    runFiles: null,
    runHistory: null,
    runCursor: null,
    runFinalNonce: null,
    ...(mode === "delta"
      ? { lastDeltaAt: now, lastDeltaOutcome: outcome }
      : { lastFullAt: now, lastFullOutcome: outcome }),
  });
}

/** The mirror's outcome when a run did not get to its end. The watermark and the open run stay. */
export async function recordFailure(
  database: Database,
  token: LeaseToken,
  name: string,
  mode: RunMode,
  outcome: string,
): Promise<void> {
  const now = sql`clock_timestamp()`;
  await update(
    database,
    token,
    name,
    `recording the outcome of ${name}`,
    mode === "delta"
      ? { lastDeltaAt: now, lastDeltaOutcome: outcome }
      : { lastFullAt: now, lastFullOutcome: outcome },
    { absentIsFine: true },
  );
}

type Row = typeof mirrors.$inferSelect;
type Change = { [K in keyof Row]?: Row[K] | SQL };

async function update(
  database: Database,
  token: LeaseToken,
  name: string,
  doing: string,
  change: Change,
  { absentIsFine = false } = {},
): Promise<void> {
  const rows = await database.runDrizzle(doing, (db) => {
    const held = heldLease(db, token);
    return db
      .with(held)
      .update(mirrors)
      .set(change)
      .from(held)
      .where(and(eq(mirrors.targetId, held.heldTarget), eq(mirrors.name, name)))
      .returning({ name: mirrors.name });
  });
  if (rows.length === 0 && !absentIsFine) throw leaseLost();
}
