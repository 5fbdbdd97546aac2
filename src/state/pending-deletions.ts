import { and, asc, eq, gt, sql } from "drizzle-orm";
import { deletions, mirrors, pendingDeletions } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { heldLeaseSql, type LeaseToken } from "./lease.js";

/**
 * `key`: a row that is gone. `document`: a document in Convex that no row accounts for. `stranger`: such a document
 * that was there before the first load, and may well be somebody else's.
 */
export type DeletionKind = "key" | "document" | "stranger";

/**
 * Deletions that are found are written down before they are made. The guard (invariant 8) has to know how many there
 * are, memory must not depend on that, and what it holds back has to be remembered until somebody decides.
 */
export async function addPendingDeletions(
  database: Database,
  token: LeaseToken,
  mirror: string,
  kind: DeletionKind,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  await database.runDrizzle(`recording deletions of ${mirror}`, (db) =>
    db.execute(sql`
      WITH ${heldLeaseSql(token)}
      INSERT INTO ${pendingDeletions} (target_id, mirror, kind, key)
      SELECT held_target, ${mirror}, ${kind}, key FROM held, unnest(${arrayLiteral(keys)}::text::text[]) AS key
      ON CONFLICT DO NOTHING`),
  );
}

/** Removes deletions that were made, or that are no longer wanted: the key lives again. */
export async function removePendingDeletions(
  database: Database,
  token: LeaseToken,
  mirror: string,
  kind: DeletionKind,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  await database.runDrizzle(`recording deletions of ${mirror}`, (db) =>
    db.execute(sql`
      WITH ${heldLeaseSql(token)}
      DELETE FROM ${pendingDeletions} p USING held
       WHERE p.target_id = held_target AND p.mirror = ${mirror} AND p.kind = ${kind}
         AND p.key = ANY (${arrayLiteral(keys)}::text::text[])`),
  );
}

/** Forgets those of a kind: a comparison of everything is about to find what there is. */
export async function clearPendingDeletions(
  database: Database,
  token: LeaseToken,
  mirror: string,
  kind: DeletionKind,
): Promise<void> {
  await database.runDrizzle(`clearing the deletions of ${mirror}`, (db) =>
    db.execute(sql`
      WITH ${heldLeaseSql(token)}
      DELETE FROM ${pendingDeletions} p USING held WHERE p.target_id = held_target AND p.mirror = ${mirror} AND p.kind = ${kind}`),
  );
}

/** A page, in the order of the key. */
export async function readPendingDeletions(
  database: Database,
  targetId: number,
  mirror: string,
  kind: DeletionKind,
  after: string | null,
  limit: number,
): Promise<string[]> {
  const rows = await database.runDrizzle(`reading the deletions of ${mirror}`, (db) =>
    db
      .select({ key: pendingDeletions.key })
      .from(pendingDeletions)
      .where(
        and(
          eq(pendingDeletions.targetId, targetId),
          eq(pendingDeletions.mirror, mirror),
          eq(pendingDeletions.kind, kind),
          after === null ? undefined : gt(pendingDeletions.key, after),
        ),
      )
      .orderBy(asc(pendingDeletions.key))
      .limit(limit),
  );
  return rows.map((row) => row.key);
}

export async function countPendingDeletions(
  database: Database,
  targetId: number,
  mirror: string,
): Promise<Record<DeletionKind, number>> {
  const rows = await database.runDrizzle(`counting the deletions of ${mirror}`, (db) =>
    db
      .select({ kind: pendingDeletions.kind, n: sql<string>`count(*)::text` })
      .from(pendingDeletions)
      .where(and(eq(pendingDeletions.targetId, targetId), eq(pendingDeletions.mirror, mirror)))
      .groupBy(pendingDeletions.kind),
  );
  const count = (kind: DeletionKind) => Number(rows.find((row) => row.kind === kind)?.n ?? 0);
  return { key: count("key"), document: count("document"), stranger: count("stranger") };
}

/**
 * Removes recorded deletions that no run will ask for again: below the watermark of every mirror of their table, in
 * every target. Called at the start of a run, so that those watermarks were committed by earlier runs.
 */
export async function purgeRecordedDeletions(database: Database, token: LeaseToken): Promise<void> {
  await database.runDrizzle("purging recorded deletions", (db) =>
    db.execute(sql`
      WITH ${heldLeaseSql(token)},
           passed AS (SELECT m.tracked_id, min(pg_snapshot_xmin(m.watermark)::text::numeric)::text::xid8 AS xmin
                        FROM ${mirrors} m WHERE m.watermark IS NOT NULL GROUP BY m.tracked_id)
      DELETE FROM ${deletions} d USING held, passed
       WHERE d.tracked_id = passed.tracked_id AND d.xid < passed.xmin`),
  );
}
