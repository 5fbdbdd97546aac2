import { and, eq, sql, type SQL } from "drizzle-orm";
import { leases, targets } from "../../drizzle/state.js";
import { SyncError } from "../model/errors.js";
import type { RunningRun } from "../model/report.js";
import type { Database } from "../postgres/database.js";
import { IS_LIVE } from "./lease.js";
import { utcText } from "./utc-text.js";

/** A run that is going on, and its name. */
export type LeaseHolder = RunningRun & { nonce: string };

/** The target's row, or null for a deployment that no run has seen. */
export async function findTargetId(database: Database, url: string): Promise<number | null> {
  const rows = await database.executeDrizzle("reading the deployment's record", (db) =>
    db.select({ id: targets.id }).from(targets).where(eq(targets.url, url)),
  );
  return rows[0] ? Number(rows[0].id) : null;
}

/** SQL: the runs of a deployment that are going on, the oldest first, as a JSON array of `LeaseHolder`. */
export function leasesSql(target: SQL): SQL {
  return sql`(
    SELECT coalesce(json_agg(json_build_object('holder', holder, 'nonce', nonce, 'epoch', epoch::text, 'mirrors', mirrors,
                      'acquiredAt', ${utcText(sql`acquired_at`)}, 'expiresAt', ${utcText(sql`expires_at`)}) ORDER BY epoch), '[]')
      FROM (SELECT nonce, min(holder) AS holder, max(epoch) AS epoch, min(acquired_at) AS acquired_at,
                   min(expires_at) AS expires_at, json_agg(mirror ORDER BY mirror COLLATE "C") AS mirrors
              FROM ${leases} WHERE ${and(sql`${leases.targetId} = ${target}`, IS_LIVE)} GROUP BY nonce) AS live)`;
}

/** The runs that are going on, the oldest first. */
export async function readLeases(database: Database, targetId: number): Promise<LeaseHolder[]> {
  const [row] = await database.executeDrizzle("reading the leases", (db) =>
    db.execute<{ leases: string }>(sql`SELECT ${leasesSql(sql`${targetId}::integer`)}::text AS leases`),
  );
  return JSON.parse(row!.leases) as LeaseHolder[];
}

/** @param mirrors whose leases were asked for; null: all of the deployment, for a run that is to be alone */
export async function leaseHeld(
  database: Database,
  url: string,
  mirrors: readonly string[] | null,
): Promise<SyncError> {
  const targetId = await findTargetId(database, url);
  const runs = targetId === null ? [] : await readLeases(database, targetId);
  const run =
    runs.find((of) => mirrors === null || of.mirrors.some((name) => mirrors.includes(name))) ?? runs[0];
  return new SyncError({
    code: "LEASE_HELD",
    message: run
      ? `Another run is going on: ${run.holder}, since ${run.acquiredAt}.`
      : "Another run is going on.",
    remedy: run
      ? `Let it end. Should it have crashed, its lease is free at ${run.expiresAt}.`
      : "Run again in a moment.",
  });
}
