import { and, asc, eq, sql } from "drizzle-orm";
import { pendingDeletions } from "../../drizzle/state.js";
import { arrayLiteral } from "../postgres/array-literal.js";
import { ofMirror, withKeys } from "./keys-of-mirror.js";
import { writeUnderLease } from "./lease.js";
import type { HeldMirror, StoredMirror } from "./stored-mirror.js";

/**
 * `key`: a row that is gone. `document`: a document in Convex that no row accounts for. `stranger`: such a document
 * that was there before the first load, and may well be somebody else's.
 */
export type DeletionKind = "key" | "document" | "stranger";

/**
 * Deletions that are found are written down before they are made. The guard (invariant 8) has to know how many there
 * are, memory must not depend on that, and what it holds back has to be remembered until somebody decides. A document
 * that is known as a stranger stays one.
 * @param foundBy the name of the pass: a comparison that goes on where an interrupted one stopped keeps that one's
 */
export async function addPendingDeletions(
  mirror: HeldMirror,
  kind: DeletionKind,
  keys: readonly string[],
  foundBy: string = mirror.lease.nonce,
): Promise<void> {
  if (keys.length === 0) return;
  const list = sql`unnest(${arrayLiteral(keys)}::text::text[])`;
  const isStranger = sql`EXISTS (SELECT FROM ${pendingDeletions} p WHERE p.target_id = held_target
                                    AND p.mirror = ${mirror.name} AND p.kind = 'stranger' AND p.digest = datahub_sync.key_digest(list.key))`;
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    [mirror.name],
    `recording deletions of ${mirror.name}`,
    sql`INSERT INTO ${pendingDeletions} (target_id, mirror, kind, key, found_by)
        SELECT held_target, ${mirror.name}, ${kind}, list.key, ${foundBy} FROM held, ${list} AS list (key)
         WHERE ${kind} <> 'document' OR NOT ${isStranger}
        ON CONFLICT (target_id, mirror, kind, digest) DO UPDATE SET found_by = excluded.found_by`,
  );
}

/** Removes deletions that were made, or that are no longer wanted: the key lives again. */
export async function removePendingDeletions(
  mirror: HeldMirror,
  kind: DeletionKind,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    [mirror.name],
    `recording deletions of ${mirror.name}`,
    sql`DELETE FROM ${pendingDeletions} USING held
         WHERE target_id = held_target AND mirror = ${mirror.name} AND kind = ${kind}
           AND ${withKeys(pendingDeletions, keys)}`,
  );
}

/**
 * Forgets those of a kind that a comparison of everything, now complete, has not found again. Not before it began: if
 * it crashed, what an earlier run held back would be forgotten, and its documents would stay for ever. A pass
 * knows its own by its name: clocks are set back.
 */
export async function forgetUnconfirmedDeletions(
  mirror: HeldMirror,
  kind: DeletionKind,
  foundBy: string = mirror.lease.nonce,
): Promise<void> {
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    [mirror.name],
    `clearing the deletions of ${mirror.name}`,
    sql`DELETE FROM ${pendingDeletions} p USING held
         WHERE p.target_id = held_target AND p.mirror = ${mirror.name} AND p.kind = ${kind}
           AND p.found_by <> ${foundBy}`,
  );
}

/**
 * A page, in the order of the keys' digests.
 * @param foundBy the name of the pass that has found them last; any by default
 */
export async function readPendingDeletions(
  mirror: StoredMirror,
  kind: DeletionKind,
  after: string | null,
  limit: number,
  foundBy?: string,
): Promise<string[]> {
  const rows = await mirror.database.executeDrizzle(`reading the deletions of ${mirror.name}`, (db) =>
    db
      .select({ key: pendingDeletions.key })
      .from(pendingDeletions)
      .where(and(ofMirror(pendingDeletions, mirror, after), eq(pendingDeletions.kind, kind), by(foundBy)))
      .orderBy(asc(pendingDeletions.digest))
      .limit(limit),
  );
  return rows.map((row) => row.key);
}

const by = (foundBy: string | undefined) =>
  foundBy === undefined ? undefined : eq(pendingDeletions.foundBy, foundBy);

/** Which of these are pending. */
export async function findPendingDeletions(
  mirror: StoredMirror,
  kind: DeletionKind,
  keys: readonly string[],
  foundBy?: string,
): Promise<Set<string>> {
  const rows = await mirror.database.executeDrizzle(`looking up the deletions of ${mirror.name}`, (db) =>
    db
      .select({ key: pendingDeletions.key })
      .from(pendingDeletions)
      .where(
        and(
          ofMirror(pendingDeletions, mirror),
          eq(pendingDeletions.kind, kind),
          withKeys(pendingDeletions, keys),
          by(foundBy),
        ),
      ),
  );
  return new Set(rows.map(({ key }) => key));
}

export async function countPendingDeletions(mirror: StoredMirror): Promise<Record<DeletionKind, number>> {
  const rows = await mirror.database.executeDrizzle(`counting the deletions of ${mirror.name}`, (db) =>
    db
      .select({ kind: pendingDeletions.kind, n: sql<string>`count(*)::text` })
      .from(pendingDeletions)
      .where(ofMirror(pendingDeletions, mirror))
      .groupBy(pendingDeletions.kind),
  );
  const count = (kind: DeletionKind) => Number(rows.find((row) => row.kind === kind)?.n ?? 0);
  return { key: count("key"), document: count("document"), stranger: count("stranger") };
}
