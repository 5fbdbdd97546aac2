import { and, eq, sql, type SQL } from "drizzle-orm";
import { leases } from "../../drizzle/state.js";
import { SyncError } from "../model/errors.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database, Drizzle } from "../postgres/database.js";

/** Who may write for these mirrors: every write of a run carries it, here and in Convex (invariant 5). */
export interface LeaseToken {
  targetId: number;
  epoch: bigint;
  nonce: string;
  /** Whose leases the run has. */
  mirrors: readonly string[];
}

/**
 * SQL: the relation `held (held_target)`: one row if the leases of all these mirrors are still the run's, and none otherwise.
 * Their rows are locked for the rest of the statement, always in the same order, so that the check and what is joined to
 * it are one.
 */
export function heldLeasesSql(token: LeaseToken, mirrors: readonly string[]): SQL {
  return sql`
    leased AS (SELECT mirror FROM ${leases} WHERE ${belongsTo(token, mirrors)} ORDER BY mirror COLLATE "C" FOR UPDATE),
    held AS (SELECT ${token.targetId}::integer AS held_target FROM leased HAVING count(*) = ${mirrors.length}::integer)`;
}

/** The same of one mirror, for statements that Drizzle's builder writes. */
export function heldLease(db: Drizzle, token: LeaseToken, mirror: string) {
  return db.$with("held").as(
    db
      .select({ heldTarget: sql<number>`${leases.targetId}`.as("held_target") })
      .from(leases)
      .where(belongsTo(token, [mirror]))
      .for("update"),
  );
}

/** SQL: these leases, where they are the run's. */
export function belongsTo(token: LeaseToken, mirrors: readonly string[]): SQL {
  return sql`${and(
    eq(leases.targetId, token.targetId),
    sql`${leases.mirror} = ANY (${arrayLiteral(mirrors)}::text::text[])`,
    eq(leases.epoch, token.epoch),
    eq(leases.nonce, token.nonce),
  )}`;
}

/** SQL: a run that is going on has this lease. */
export const IS_LIVE = sql`(NOT ${leases.released} AND ${leases.expiresAt} > clock_timestamp())`;

/**
 * One statement with writes that may read the relation `held (held_target)`, which is empty unless the leases of these mirrors
 * are still ours: the check and the writes are one.
 * @throws SyncError LEASE_LOST, and then nothing was written
 */
export async function writeUnderLease(
  database: Database,
  token: LeaseToken,
  mirrors: readonly string[],
  doing: string,
  ...writes: SQL[]
): Promise<void> {
  const named = writes.map((write, index) => sql`${sql.identifier(`write_${index}`)} AS (${write})`);
  const rows = await database.executeDrizzle(doing, (db) =>
    db.execute(
      sql`WITH ${sql.join([heldLeasesSql(token, mirrors), ...named], sql`, `)} SELECT held_target FROM held`,
    ),
  );
  if (rows.length === 0) throw leaseLost();
}

/** Whether no other run has taken the lease of this mirror. It may have expired. */
export async function isLeaseHeld(database: Database, token: LeaseToken, mirror: string): Promise<boolean> {
  const rows = await database.executeDrizzle("looking whether the lease is held", (db) =>
    db
      .select({ epoch: leases.epoch })
      .from(leases)
      .where(belongsTo(token, [mirror])),
  );
  return rows.length > 0;
}

export function leaseLost(): SyncError {
  return new SyncError({
    code: "LEASE_LOST",
    message: "Another run has taken over: this one was stopped, or too slow to renew its lease.",
    remedy:
      "Nothing is lost. Let the other run end; raise the lease's time if this machine is often that slow.",
  });
}
