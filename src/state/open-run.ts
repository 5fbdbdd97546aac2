import { and, eq, sql, type SQL } from "drizzle-orm";
import { mirrors } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import type { RunMode } from "../model/report.js";
import { SyncError } from "../model/errors.js";
import {
  heldLease,
  heldLeasesSql,
  isLeaseHeld,
  leaseLost,
  writeUnderLease,
  type LeaseToken,
} from "./lease.js";
import { readMirrorRecord, type OpenRun } from "./mirror-record.js";
import type { HeldMirror } from "./stored-mirror.js";

/** A snapshot and its time, ISO 8601. */
export interface Moment {
  snapshot: string;
  at: string;
}

/**
 * Has the table's log kept from now on: before the run takes its snapshot, or what commits after that could be purged
 * before the run is written down. The log of the table that was mirrored until now is kept no longer: no run goes on from
 * what was remembered of that, not even where it is back before any other run has begun.
 */
export async function registerMirrors(
  database: Database,
  token: LeaseToken,
  tables: readonly { name: string; trackedId: number }[],
): Promise<void> {
  if (tables.length === 0) return;
  await writeUnderLease(
    database,
    token,
    tables.map(({ name }) => name),
    `registering ${tables.map(({ name }) => name).join(", ")}`,
    sql`INSERT INTO ${mirrors} (target_id, name, tracked_id)
        SELECT held_target, r.name, r."trackedId"
          FROM held, json_to_recordset(${JSON.stringify(tables)}::text::json) AS r (name text, "trackedId" integer)
        ON CONFLICT (target_id, name) DO UPDATE
          SET tracked_id = excluded.tracked_id, seen = ${mirrors.seen} || '{"unsteady": true}'::jsonb,
              run_seen = ${mirrors.runSeen} || '{"unsteady": true}'::jsonb`,
  );
}

/** A run of a mirror that begins. */
export interface RunToOpen extends OpenRun {
  name: string;
  trackedId: number;
  /** What came before cannot be trusted: a crash of this run is to leave no watermark to go on from. */
  voidWatermark: boolean;
}

/**
 * Writes that runs of these mirrors have begun. The commit is synchronous: after a crash of Postgres, xids whose WAL was
 * never flushed are handed out again, and a change logged with one of them would seem older than the snapshot. A flushed
 * write after the snapshot and before the first row is read rules that out.
 * @returns the mirrors of which something was remembered: what the others kept the change log for may be purged
 */
export async function openRuns(
  database: Database,
  token: LeaseToken,
  runs: readonly RunToOpen[],
): Promise<Set<string>> {
  if (runs.length === 0) return new Set();
  const names = runs.map(({ name }) => name);
  const voided = runs.filter((run) => run.voidWatermark).map(({ name }) => name);
  const isVoid = sql`${mirrors.name} = ANY (${arrayLiteral(voided)}::text::text[])`;
  const unlessVoid = (column: SQL) => sql`CASE WHEN ${isVoid} THEN NULL ELSE ${column} END`;
  const rows = await database.executeDrizzle(`writing the start of ${names.join(", ")}`, (db) =>
    db.execute<{ name: string; anew: string }>(sql`
      WITH ${heldLeasesSql(token, names)},
           durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
      INSERT INTO ${mirrors} (target_id, name, tracked_id, run_nonce, run_prior_nonce, run_mode, run_snapshot, run_snapshot_at,
                              run_seen, run_history, run_cursor, run_final_nonce)
      SELECT held_target, r.name, r."trackedId", r.nonce, r."priorNonce", r.mode, r.snapshot::pg_snapshot,
             r."snapshotAt"::timestamptz, r.seen, r.history, r.cursor, NULL
        FROM held, durable, jsonb_to_recordset(${JSON.stringify(runs)}::text::jsonb)
          AS r (name text, "trackedId" integer, nonce text, "priorNonce" text, mode text, snapshot text, "snapshotAt" text,
                seen jsonb, history text, cursor jsonb)
      ON CONFLICT (target_id, name) DO UPDATE
        SET tracked_id = excluded.tracked_id, run_nonce = excluded.run_nonce,
            run_prior_nonce = excluded.run_prior_nonce, run_mode = excluded.run_mode,
            run_snapshot = excluded.run_snapshot, run_snapshot_at = excluded.run_snapshot_at,
            run_seen = excluded.run_seen, run_history = excluded.run_history,
            run_cursor = excluded.run_cursor, run_final_nonce = NULL,
            watermark = ${unlessVoid(sql`${mirrors.watermark}`)},
            watermark_at = ${unlessVoid(sql`${mirrors.watermarkAt}`)},
            nonce = ${unlessVoid(sql`${mirrors.nonce}`)}
      RETURNING name, (xmax = 0)::text AS anew`),
  );
  if (rows.length === 0) throw leaseLost();
  return new Set(rows.filter(({ anew }) => anew !== "true").map(({ name }) => name));
}

/**
 * Moves the open run's cursor: everything before it is acknowledged.
 * @param seen what the run has seen of the catalog so far, where that is not one thing: a run that crashes after this is
 *   not resumed
 */
export async function saveCursor(mirror: HeldMirror, cursor: unknown, seen?: unknown): Promise<void> {
  const written = await update(mirror, `writing the progress of ${mirror.name}`, {
    runCursor: cursor,
    ...(seen !== undefined && { runSeen: sql`${JSON.stringify(seen)}::text::jsonb` }),
  });
  if (!written) throw await whyRefused(mirror);
}

/**
 * Writes that the open run has not seen one thing, before it sends what it read so: killed after that, it must not be
 * gone on with.
 */
export async function markUnsteady(mirror: HeldMirror): Promise<void> {
  const written = await update(mirror, `noting a change of the catalog of ${mirror.name}`, {
    runSeen: sql`${mirrors.runSeen} || '{"unsteady": true}'::jsonb`,
  });
  if (!written) throw await whyRefused(mirror);
}

/** Adds to what the open run's cursor says; where the run goes on stays. */
export async function extendCursor(mirror: HeldMirror, part: Record<string, unknown>): Promise<void> {
  const written = await update(mirror, `writing what is acknowledged of ${mirror.name}`, {
    runCursor: sql`coalesce(${mirrors.runCursor}, '{}') || ${JSON.stringify(part)}::text::jsonb`,
  });
  if (!written) throw await whyRefused(mirror);
}

/**
 * Ends an interrupted run inside the one that resumed it: its snapshot becomes the watermark, and the run goes on
 * with a newer one. Durable for the same reason as `openRun`. The watermark is given, not taken from the row: carried
 * out once more, the statement would find the newer snapshot there. It has no name, for Convex has been told no end.
 */
export async function advanceRun(
  mirror: HeldMirror,
  { from, to, cursor }: { from: Moment; to: Moment; cursor: unknown },
): Promise<void> {
  const rows = await mirror.database.executeDrizzle(`moving the watermark of ${mirror.name}`, (db) =>
    db.execute(sql`
      WITH ${heldLeasesSql(mirror.lease, [mirror.name])},
           durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
      UPDATE ${mirrors} m
         SET watermark = ${from.snapshot}::text::pg_snapshot, watermark_at = ${from.at}::text::timestamptz,
             seen = run_seen, nonce = NULL,
             run_snapshot = ${to.snapshot}::text::pg_snapshot, run_snapshot_at = ${to.at}::text::timestamptz,
             run_cursor = ${JSON.stringify(cursor)}::text::jsonb
        FROM held, durable
       WHERE m.target_id = held_target AND m.name = ${mirror.name} AND run_nonce = ${mirror.lease.nonce}
      RETURNING 1 AS written`),
  );
  if (rows.length === 0) throw await whyRefused(mirror);
}

/**
 * The mirror's outcome when a run did not get to its end. The watermark and the open run stay. Says nothing where the
 * lease is lost or the mirror has no row yet.
 */
export async function recordFailure(mirror: HeldMirror, mode: RunMode, outcome: string): Promise<void> {
  await update(mirror, `recording the outcome of ${mirror.name}`, outcomeOf(mode, outcome));
}

type Row = typeof mirrors.$inferSelect;
type Change = { [K in keyof Row]?: Row[K] | SQL };

function outcomeOf(mode: RunMode, outcome: string): Change {
  const now = sql`clock_timestamp()`;
  return mode === "delta"
    ? { lastDeltaAt: now, lastDeltaOutcome: outcome }
    : { lastFullAt: now, lastFullOutcome: outcome };
}

/** Whether the lease was held and the mirror had such a row. */
async function update(mirror: HeldMirror, doing: string, change: Change): Promise<boolean> {
  const rows = await mirror.database.executeDrizzle(doing, (db) => {
    const held = heldLease(db, mirror.lease, mirror.name);
    return db
      .with(held)
      .update(mirrors)
      .set(change)
      .from(held)
      .where(and(eq(mirrors.targetId, held.heldTarget), eq(mirrors.name, mirror.name)))
      .returning({ name: mirrors.name });
  });
  return rows.length > 0;
}

/** The row of a run that goes on is missing only where `untrack` has removed it: that concerns this table alone. */
export async function whyRefused(mirror: HeldMirror): Promise<SyncError> {
  const record = await readMirrorRecord(mirror);
  if (record !== null || !(await isLeaseHeld(mirror.database, mirror.lease, mirror.name))) return leaseLost();
  return new SyncError({
    code: "NOT_TRACKED",
    message: `The tracking of ${mirror.name} was removed while this run was going on.`,
    remedy:
      "Should it be mirrored, run `datahub-sync migrate`, as the table's owner: the next run then compares everything.",
    table: mirror.name,
  });
}
