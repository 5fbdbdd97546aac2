import { eq, sql, type SQL } from "drizzle-orm";
import { targets } from "../../drizzle/state.js";
import { WRITE_WINDOW_MS } from "../model/limits.js";
import type { Database } from "../postgres/database.js";
import type { LeaseToken } from "./lease.js";

const NOW = sql`extract(epoch FROM clock_timestamp())::float8`;

export interface ShareRequest {
  /** What the plan takes in a second, in bytes: all of it. */
  planBytes: number;
  /** What it may be writing until it has the answer, or has written within the last second: it keeps the right to that until it asks again. */
  countedBytes: number;
  /** A single write that is larger than an equal part; 0: there is none. */
  leastBytes: number;
  /** After this time without being asked for again it is given up. */
  forMs: number;
}

/**
 * The part of a deployment's write throughput that a run may use until it asks again: an equal one, but for one run at a time
 * that has a larger write to make. The parts never come to more than the plan: one that grows takes what is free, and one that
 * is to shrink counts as before until its run has asked again and shrunk. One statement, which sees what others have by
 * the time that it has locked the deployment's row.
 */
export async function shareWrites(
  database: Database,
  { targetId, nonce }: LeaseToken,
  { planBytes, countedBytes, leastBytes, forMs }: ShareRequest,
): Promise<number> {
  const run = sql`${nonce}::text`;
  const number = (value: SQL, name: string) => sql`(${value} ->> ${sql.raw(`'${name}'`)})::float8`;
  const [row] = await database.executeDrizzle("sharing the write throughput", (db) =>
    db.execute<{ bytes: string }>(sql`
      UPDATE ${targets} AS t
         SET write_shares = (
           WITH others AS MATERIALIZED (
                  SELECT key AS run, value FROM jsonb_each(t.write_shares)
                   WHERE key <> ${run} AND ${number(sql`value`, "until")} > ${NOW}),
                claims AS (
                  SELECT run, ${number(sql`value`, "least")} AS least, ${number(sql`value`, "since")} AS since FROM others
                   WHERE NOT value ? 'ended'
                  UNION ALL
                  SELECT ${run}, ${leastBytes}::float8, coalesce(${number(sql`t.write_shares -> ${run}`, "since")}, ${NOW})),
                equal AS (SELECT count(*) AS runs, ${planBytes}::float8 / count(*) AS bytes FROM claims),
                large AS (
                  SELECT run, least(least, ${planBytes}::float8) AS bytes FROM claims, equal WHERE least > equal.bytes
                   ORDER BY since, run LIMIT 1),
                due AS (
                  SELECT CASE WHEN large.run IS NULL THEN equal.bytes
                              WHEN large.run = ${run} THEN large.bytes
                              ELSE (${planBytes}::float8 - large.bytes) / (equal.runs - 1) END AS bytes
                    FROM equal LEFT JOIN large ON true),
                granted AS (
                  SELECT greatest(0, least(due.bytes, ${planBytes}::float8 - coalesce(
                           (SELECT sum(${number(sql`value`, "bytes")}) FROM others), 0))) AS bytes
                    FROM due)
           SELECT coalesce((SELECT jsonb_object_agg(run, value) FROM others), '{}')
                  || jsonb_build_object(${run}, jsonb_build_object(
                       'granted', granted.bytes, 'bytes', greatest(granted.bytes, ${countedBytes}::float8),
                       'least', ${leastBytes}::float8, 'until', ${NOW} + ${forMs / 1000}::float8,
                       'since', (SELECT since FROM claims WHERE run = ${run})))
             FROM granted)
       WHERE t.id = ${targetId}
      RETURNING write_shares -> ${run} ->> 'granted' AS bytes`),
  );
  return Number(row?.bytes ?? 0);
}

/** Leaves all of it to others. Nothing is written, and nothing was within the last second. */
export async function returnWrites(database: Database, { targetId, nonce }: LeaseToken): Promise<void> {
  await database.executeDrizzle("returning the write throughput", (db) =>
    db
      .update(targets)
      .set({ writeShares: sql`${targets.writeShares} - ${nonce}::text` })
      .where(eq(targets.id, targetId)),
  );
}

/**
 * SQL: the shares once this run is over. What it has written in its last second counts until that has passed: Convex adds up what
 * came from anybody.
 */
export function sharesAfter(nonce: string): SQL {
  const own = sql`${targets.writeShares} -> ${nonce}::text`;
  const ended = sql`jsonb_build_object('ended', true, 'until', ${NOW} + ${WRITE_WINDOW_MS / 1000}::float8)`;
  return sql`CASE WHEN jsonb_exists(${targets.writeShares}, ${nonce}::text)
                  THEN ${targets.writeShares} || jsonb_build_object(${nonce}::text, (${own}) || ${ended})
                  ELSE ${targets.writeShares} END`;
}
