import { and, eq, sql, type SQL } from "drizzle-orm";
import { leases, targets } from "../../drizzle/state.js";
import type { Database, Drizzle } from "../postgres/database.js";
import { SyncError } from "../model/errors.js";
import { utcText } from "./utc-text.js";

/** Who may write for a target: every write of a run carries it, here and in Convex (invariant 5). */
export interface LeaseToken {
  targetId: number;
  epoch: bigint;
  nonce: string;
}

export interface AcquiredLease {
  token: LeaseToken;
  /** The run that held the lease before and never released it: it crashed, or it is frozen. */
  replaced: Pick<LeaseHolder, "holder" | "acquiredAt"> | null;
}

export interface LeaseHolder {
  holder: string;
  epoch: bigint;
  /** ISO 8601, UTC, by the database's clock; `expiresAt` too. */
  acquiredAt: string;
  expiresAt: string;
}

/** The target's row, or null for a deployment that no run has seen. */
export async function findTargetId(database: Database, url: string): Promise<number | null> {
  const rows = await database.executeDrizzle("reading the deployment's record", (db) =>
    db.select({ id: targets.id }).from(targets).where(eq(targets.url, url)),
  );
  return rows[0] ? Number(rows[0].id) : null;
}

/**
 * Takes the lease of a deployment if it is free, released or expired; the epoch rises. The deployment's row is made when it
 * is first seen. One statement, because a session lock means nothing behind a pooler. Repeated with the same nonce (the
 * answer was lost), it succeeds again.
 * @throws SyncError LEASE_HELD, exit code 4
 */
export async function acquireLease(
  database: Database,
  url: string,
  { nonce, holder, leaseMs }: { nonce: string; holder: string; leaseMs: number },
): Promise<AcquiredLease> {
  const [row] = await database.executeDrizzle("taking the lease", (db) =>
    db.execute<{ target_id: string; epoch: string; holder: string | null; acquired_at: string | null }>(sql`
      WITH target AS (
        INSERT INTO ${targets} (url) VALUES (${url}) ON CONFLICT (url) DO UPDATE SET url = excluded.url RETURNING id),
           before AS (
        SELECT holder, ${utcText(leases.acquiredAt)} AS acquired_at FROM ${leases} JOIN target ON target.id = target_id
         WHERE NOT released AND nonce <> ${nonce})
      INSERT INTO ${leases} AS l (target_id, epoch, nonce, holder, acquired_at, expires_at)
      SELECT target.id, 1, ${nonce}, ${holder}, clock_timestamp(), ${expiry(leaseMs)} FROM target
      ON CONFLICT (target_id) DO UPDATE
        SET epoch = l.epoch + 1, nonce = excluded.nonce, holder = excluded.holder,
            acquired_at = excluded.acquired_at, expires_at = excluded.expires_at, released = false
        WHERE l.released OR l.expires_at < clock_timestamp() OR l.nonce = excluded.nonce
      RETURNING target_id, epoch::text, (SELECT holder FROM before), (SELECT acquired_at FROM before)`),
  );
  if (!row) throw await leaseHeld(database, url);
  const { holder: before, acquired_at: acquiredAt } = row;
  return {
    token: { targetId: Number(row.target_id), epoch: BigInt(row.epoch), nonce },
    replaced: before === null ? null : { holder: before, acquiredAt: acquiredAt! },
  };
}

async function leaseHeld(database: Database, url: string): Promise<SyncError> {
  const targetId = await findTargetId(database, url);
  const holder = targetId === null ? null : await readLease(database, targetId);
  return new SyncError({
    code: "LEASE_HELD",
    message: holder
      ? `Another run is going on: ${holder.holder}, since ${holder.acquiredAt}.`
      : "Another run is going on.",
    remedy: holder
      ? `Let it end. Should it have crashed, its lease is free at ${holder.expiresAt}.`
      : "Run again in a moment.",
  });
}

/** Extends the lease. An expired lease that nobody took is extended too: only (epoch, nonce) decides. */
export async function renewLease(database: Database, token: LeaseToken, leaseMs: number): Promise<void> {
  const rows = await database.executeDrizzle("renewing the lease", (db) =>
    db
      .update(leases)
      .set({ expiresAt: expiry(leaseMs) })
      .where(holds(token))
      .returning({ epoch: leases.epoch }),
  );
  if (rows.length === 0) throw leaseLost();
}

/** Lifts the epoch above one that Convex has already seen: Postgres was restored to before that run. */
export async function raiseEpoch(database: Database, token: LeaseToken, above: bigint): Promise<LeaseToken> {
  const epoch = above + 1n;
  const rows = await database.executeDrizzle("raising the epoch", (db) =>
    db
      .update(leases)
      .set({ epoch })
      .where(and(eq(leases.targetId, token.targetId), eq(leases.nonce, token.nonce)))
      .returning({ epoch: leases.epoch }),
  );
  if (rows.length === 0) throw leaseLost();
  return { ...token, epoch };
}

/** Frees the lease at once. A lease that is no longer ours is left alone. */
export async function releaseLease(database: Database, token: LeaseToken): Promise<void> {
  await database.executeDrizzle("releasing the lease", (db) =>
    db.update(leases).set({ released: true }).where(holds(token)),
  );
}

/** Whether no other run has taken it. It may have expired. */
export async function isLeaseHeld(database: Database, token: LeaseToken): Promise<boolean> {
  const rows = await database.executeDrizzle("looking whether the lease is held", (db) =>
    db.select({ epoch: leases.epoch }).from(leases).where(holds(token)),
  );
  return rows.length > 0;
}

/** The run that is going on, or null. */
export async function readLease(database: Database, targetId: number): Promise<LeaseHolder | null> {
  const rows = await database.executeDrizzle("reading the lease", (db) =>
    db
      .select({
        holder: leases.holder,
        epoch: leases.epoch,
        acquiredAt: utcText(leases.acquiredAt),
        expiresAt: utcText(leases.expiresAt),
      })
      .from(leases)
      .where(
        and(
          eq(leases.targetId, targetId),
          eq(leases.released, false),
          sql`${leases.expiresAt} > clock_timestamp()`,
        ),
      ),
  );
  const row = rows[0];
  return row
    ? { holder: row.holder, epoch: row.epoch, acquiredAt: row.acquiredAt!, expiresAt: row.expiresAt! }
    : null;
}

/**
 * The lease's row, locked for the rest of the statement; without a row, the statement it is joined into does nothing.
 * Joined into every write of a run, so that the check and the write are one.
 */
export function heldLease(db: Drizzle, token: LeaseToken) {
  return db.$with("held").as(
    db
      .select({ heldTarget: sql<number>`${leases.targetId}`.as("held_target") })
      .from(leases)
      .where(holds(token))
      .for("update"),
  );
}

/** The same as a fragment of SQL, for statements that Drizzle's builder does not write. */
export function heldLeaseSql(token: LeaseToken) {
  return sql`held AS (SELECT target_id AS held_target FROM ${leases} WHERE ${holds(token)} FOR UPDATE)`;
}

/**
 * One statement with writes that may read the relation `held (held_target)`, which is empty unless the lease is still
 * ours: the check and the writes are one.
 * @throws SyncError LEASE_LOST, and then nothing was written
 */
export async function writeUnderLease(
  database: Database,
  token: LeaseToken,
  doing: string,
  ...writes: SQL[]
): Promise<void> {
  const named = writes.map((write, index) => sql`${sql.identifier(`write_${index}`)} AS (${write})`);
  const rows = await database.executeDrizzle(doing, (db) =>
    db.execute(sql`WITH ${sql.join([heldLeaseSql(token), ...named], sql`, `)} SELECT held_target FROM held`),
  );
  if (rows.length === 0) throw leaseLost();
}

export function leaseLost(): SyncError {
  return new SyncError({
    code: "LEASE_LOST",
    message: "Another run has taken over: this one was stopped, or too slow to renew its lease.",
    remedy:
      "Nothing is lost. Let the other run end; raise the lease's time if this machine is often that slow.",
  });
}

function holds(token: LeaseToken) {
  return and(
    eq(leases.targetId, token.targetId),
    eq(leases.epoch, token.epoch),
    eq(leases.nonce, token.nonce),
  );
}

function expiry(leaseMs: number) {
  return sql<string>`clock_timestamp() + make_interval(secs => ${leaseMs / 1000}::float8)`;
}
