import { and, eq, sql, type SQL } from "drizzle-orm";
import { leases, targets } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import type { Database } from "../postgres/database.js";
import { belongsTo, leaseLost, type LeaseToken } from "./lease.js";
import { leaseHeld, readLeases } from "./read-leases.js";
import { utcText } from "./utc-text.js";
import { sharesAfter } from "./write-shares.js";

export interface LeaseRequest {
  /** The run's name. */
  nonce: string;
  holder: string;
  leaseMs: number;
  /** Those that the run is about. */
  mirrors: readonly string[];
  /** No other run of this deployment may go on beside it, whatever it is about. */
  exclusive?: boolean;
}

export interface AcquiredLease {
  /** For the mirrors whose leases were free: at least one. */
  token: LeaseToken;
  /** Mirrors that another run works on, by name. */
  busy: Map<string, Holder>;
  /** Runs that had these leases before and never released them: they crashed, or are frozen. */
  replaced: Holder[];
}

export interface Holder {
  holder: string;
  /** ISO 8601, UTC, by the database's clock. */
  acquiredAt: string;
}

/**
 * Takes the leases that are free, released or expired; the epoch rises. The deployment's row is made when it is first seen, and is
 * locked by each who takes a lease. One statement, because a session lock means nothing behind a pooler. Repeated
 * with the same nonce (the answer was lost), it succeeds again.
 * @throws SyncError LEASE_HELD, exit code 4, where none is free, or a run that is to be alone is not
 */
export async function acquireLease(
  database: Database,
  url: string,
  request: LeaseRequest,
): Promise<AcquiredLease> {
  const { nonce, mirrors, exclusive = false } = request;
  const row = await take(database, url, request);
  if (row === undefined) throw await leaseHeld(database, url, mirrors);
  const taken = new Set(JSON.parse(row.taken ?? "[]") as string[]);
  const token: LeaseToken = {
    targetId: Number(row.target_id),
    epoch: BigInt(row.epoch),
    nonce,
    mirrors: mirrors.filter((mirror) => taken.has(mirror)),
  };
  if (taken.size === 0 || (exclusive && (await isBeside(database, token)))) {
    await releaseLease(database, token);
    throw await leaseHeld(database, url, exclusive ? null : mirrors);
  }
  const rest = mirrors.filter((mirror) => !taken.has(mirror));
  const replaced = JSON.parse(row.replaced ?? "[]") as (Holder & { mirror: string })[];
  return {
    token,
    busy: rest.length === 0 ? new Map<string, Holder>() : await findHolders(database, token.targetId, rest),
    replaced: distinct(replaced.filter(({ mirror }) => taken.has(mirror))),
  };
}

interface TakenRow extends Record<string, unknown> {
  target_id: string;
  epoch: string;
  taken: string | null;
  replaced: string | null;
}

async function take(
  database: Database,
  url: string,
  { nonce, holder, leaseMs, mirrors, exclusive = false }: LeaseRequest,
): Promise<TakenRow | undefined> {
  const mark = (value: SQL) => (exclusive ? value : sql`NULL`);
  const [row] = await database.executeDrizzle("taking the lease", (db) =>
    db.execute<TakenRow>(sql`
      WITH target AS (
        INSERT INTO ${targets} AS t (url, epoch, exclusive_nonce, exclusive_until)
        VALUES (${url}, 1, ${mark(sql`${nonce}`)}, ${mark(expiry(leaseMs))})
        ON CONFLICT (url) DO UPDATE
          SET epoch = t.epoch + 1, exclusive_nonce = excluded.exclusive_nonce, exclusive_until = excluded.exclusive_until
          WHERE t.exclusive_until IS NULL OR t.exclusive_until < clock_timestamp() OR t.exclusive_nonce = ${nonce}
        RETURNING id, epoch, clock_timestamp() AS at),
           before AS (
        SELECT mirror, holder, ${utcText(leases.acquiredAt)} AS acquired_at FROM ${leases} JOIN target ON target.id = target_id
         WHERE NOT released AND nonce <> ${nonce}),
           taken AS (
        INSERT INTO ${leases} AS l (target_id, mirror, epoch, nonce, holder, acquired_at, expires_at)
        SELECT target.id, asked.mirror, target.epoch, ${nonce}, ${holder}, target.at, target.at + ${duration(leaseMs)}
          FROM target, unnest(${arrayLiteral(mirrors)}::text::text[]) AS asked (mirror)
         ORDER BY asked.mirror COLLATE "C"
        ON CONFLICT (target_id, mirror) DO UPDATE
          SET epoch = excluded.epoch, nonce = excluded.nonce, holder = excluded.holder,
              acquired_at = excluded.acquired_at, expires_at = excluded.expires_at, released = false
          WHERE l.released OR l.expires_at < clock_timestamp() OR l.nonce = excluded.nonce
        RETURNING mirror)
      SELECT id AS target_id, epoch::text, (SELECT json_agg(mirror) FROM taken)::text AS taken,
             (SELECT json_agg(json_build_object('mirror', mirror, 'holder', holder, 'acquiredAt', acquired_at))
                FROM before)::text AS replaced
        FROM target`),
  );
  return row;
}

/** One that has ended since is said to be somebody's all the same: its mirror was not taken. */
async function findHolders(
  database: Database,
  targetId: number,
  mirrors: readonly string[],
): Promise<Map<string, Holder>> {
  const runs = await readLeases(database, targetId);
  const unknown = { holder: "another process", acquiredAt: "a moment ago" };
  return new Map(
    mirrors.map((mirror) => [mirror, runs.find((run) => run.mirrors.includes(mirror)) ?? unknown]),
  );
}

/**
 * Whether another run is going on. Asked after the deployment was marked: who took a lease before that is seen, and who comes
 * after it is refused.
 */
async function isBeside(database: Database, { targetId, nonce }: LeaseToken): Promise<boolean> {
  return (await readLeases(database, targetId)).some((lease) => lease.nonce !== nonce);
}

/*
 * Whoever locks the deployment's row and leases locks the row first, and the leases in the order of their names, as who takes leases
 * does: else two would wait for each other. An expression of a statement is carried out before what reads it.
 */

/** Extends the leases. Expired ones that nobody took are extended too: only (epoch, nonce) decides. */
export async function renewLease(database: Database, token: LeaseToken, leaseMs: number): Promise<void> {
  const rows = await database.executeDrizzle("renewing the lease", (db) =>
    db.execute(sql`
      WITH marked AS MATERIALIZED (
        UPDATE ${targets} SET exclusive_until = ${expiry(leaseMs)}
         WHERE id = ${token.targetId} AND exclusive_nonce = ${token.nonce} RETURNING 1),
           leased AS (
        SELECT mirror FROM ${leases} WHERE ${belongsTo(token, token.mirrors)} AND (SELECT count(*) FROM marked) >= 0
         ORDER BY mirror COLLATE "C" FOR UPDATE),
           held AS (SELECT FROM leased HAVING count(*) = ${token.mirrors.length}::integer)
      UPDATE ${leases} SET expires_at = ${expiry(leaseMs)} FROM held WHERE ${belongsTo(token, token.mirrors)}
      RETURNING 1 AS renewed`),
  );
  if (rows.length === 0) throw leaseLost();
}

/** Lifts the epoch above one that Convex has already seen: Postgres was restored to before that run. */
export async function raiseEpoch(database: Database, token: LeaseToken, above: bigint): Promise<LeaseToken> {
  const [row] = await database.executeDrizzle("raising the epoch", (db) =>
    db.execute<{ epoch: string }>(sql`
      WITH raised AS MATERIALIZED (
        UPDATE ${targets} SET epoch = greatest(epoch, ${above}::bigint) + 1
         WHERE id = ${token.targetId}
           AND (SELECT count(*) FROM ${leases} WHERE ${ofRun(token)}) = ${token.mirrors.length}::integer
        RETURNING epoch),
           leased AS (
        SELECT mirror FROM ${leases} WHERE ${ofRun(token)} AND (SELECT count(*) FROM raised) > 0
         ORDER BY mirror COLLATE "C" FOR UPDATE),
           lifted AS (
        UPDATE ${leases} SET epoch = raised.epoch FROM raised
         WHERE ${ofRun(token)} AND (SELECT count(*) FROM leased) > 0 RETURNING mirror)
      SELECT epoch::text FROM raised WHERE (SELECT count(*) FROM lifted) = ${token.mirrors.length}::integer`),
  );
  // Where some are lost in this very moment, the others have a higher epoch for nothing: the run ends.
  if (row === undefined) throw leaseLost();
  return { ...token, epoch: BigInt(row.epoch) };
}

/** Frees the leases at once, and the run's share of the write throughput. What is no longer ours is left alone. */
export async function releaseLease(database: Database, token: LeaseToken): Promise<void> {
  await database.executeDrizzle("releasing the lease", (db) =>
    db.execute(sql`
      WITH unmarked AS MATERIALIZED (
        UPDATE ${targets} SET exclusive_nonce = nullif(exclusive_nonce, ${token.nonce}),
               exclusive_until = CASE WHEN exclusive_nonce = ${token.nonce} THEN NULL ELSE exclusive_until END,
               write_shares = ${sharesAfter(token.nonce)}
         WHERE id = ${token.targetId}
           AND (exclusive_nonce = ${token.nonce} OR jsonb_exists(write_shares, ${token.nonce}::text)) RETURNING 1),
           leased AS (
        SELECT mirror FROM ${leases} WHERE ${belongsTo(token, token.mirrors)} AND (SELECT count(*) FROM unmarked) >= 0
         ORDER BY mirror COLLATE "C" FOR UPDATE)
      UPDATE ${leases} SET released = true
       WHERE ${belongsTo(token, token.mirrors)} AND (SELECT count(*) FROM leased) > 0`),
  );
}

/** Whatever its epoch was: raised once more, since the answer was lost, it is the run's still. */
function ofRun({ targetId, nonce }: LeaseToken): SQL {
  return sql`${and(eq(leases.targetId, targetId), eq(leases.nonce, nonce))}`;
}

function distinct(holders: readonly Holder[]): Holder[] {
  const byRun = new Map(
    holders.map(({ holder, acquiredAt }) => [`${holder} ${acquiredAt}`, { holder, acquiredAt }]),
  );
  return [...byRun.values()];
}

function expiry(leaseMs: number): SQL {
  return sql`clock_timestamp() + ${duration(leaseMs)}`;
}

function duration(ms: number): SQL {
  return sql`make_interval(secs => ${ms / 1000}::float8)`;
}
