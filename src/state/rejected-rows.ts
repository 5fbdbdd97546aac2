import { and, asc, sql } from "drizzle-orm";
import { rejectedRows } from "../../drizzle/state.js";
import { isUntranslatable } from "../postgres/database-error.js";
import { inAscii } from "./in-ascii.js";
import { ofMirror, withKeys } from "./keys-of-mirror.js";
import { writeUnderLease } from "./lease.js";
import type { HeldMirror, StoredMirror } from "./stored-mirror.js";
import { utcText } from "./utc-text.js";

/** A row that could not be mirrored, with the reason; never a value. */
export interface RejectedRow {
  key: string;
  /** A stable code, such as DOCUMENT_TOO_LARGE. */
  code: string;
  column: string | null;
  reason: string;
}

export async function recordRejectedRow(mirror: HeldMirror, row: RejectedRow): Promise<void> {
  await recordReason(mirror, row).catch((error: unknown) => {
    if (!isUntranslatable(error)) throw error;
    return recordReason(mirror, { ...row, reason: inAscii(row.reason) });
  });
}

async function recordReason(mirror: HeldMirror, row: RejectedRow): Promise<void> {
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    `setting a row of ${mirror.name} aside`,
    sql`INSERT INTO ${rejectedRows} (target_id, mirror, key, code, column_name, reason)
        SELECT held_target, ${mirror.name}, ${row.key}, ${row.code}, ${row.column}, ${row.reason} FROM held
        ON CONFLICT (target_id, mirror, digest) DO UPDATE
          SET code = excluded.code, column_name = excluded.column_name, reason = excluded.reason, last_at = now()`,
  );
}

/** The rows are mirrored now, or gone. */
export async function forgetRejectedRows(mirror: HeldMirror, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    `recording mended rows of ${mirror.name}`,
    sql`DELETE FROM ${rejectedRows} USING held
         WHERE target_id = held_target AND mirror = ${mirror.name} AND ${withKeys(rejectedRows, keys)}`,
  );
}

/** A page of the rows that are set aside, in the order of the keys' digests; without `after`, the first by their keys. */
export async function readRejectedRows(
  mirror: StoredMirror,
  page: { after?: string | null; limit: number },
): Promise<(RejectedRow & { since: string })[]> {
  const { after, limit } = page;
  return mirror.database.executeDrizzle(`reading the rows of ${mirror.name} that were set aside`, (db) =>
    db
      .select({
        key: rejectedRows.key,
        code: rejectedRows.code,
        column: rejectedRows.column,
        reason: rejectedRows.reason,
        since: sql<string>`${utcText(rejectedRows.firstAt)}`,
      })
      .from(rejectedRows)
      .where(ofMirror(rejectedRows, mirror, after ?? null))
      .orderBy(asc(after === undefined ? rejectedRows.key : rejectedRows.digest))
      .limit(limit),
  );
}

/** The keys of all of them, page by page; no page is empty. */
export async function* rejectedKeys(mirror: StoredMirror, limit: number): AsyncGenerator<string[]> {
  let after: string | null = null;
  for (;;) {
    const page = await readRejectedRows(mirror, { after, limit });
    if (page.length > 0) yield page.map(({ key }) => key);
    if (page.length < limit) return;
    after = page.at(-1)!.key;
  }
}

/** Which of these keys are set aside. */
export async function findRejectedRows(mirror: StoredMirror, keys: readonly string[]): Promise<string[]> {
  const rows = await mirror.database.executeDrizzle(
    `looking up the rows of ${mirror.name} that were set aside`,
    (db) =>
      db
        .select({ key: rejectedRows.key })
        .from(rejectedRows)
        .where(and(ofMirror(rejectedRows, mirror), withKeys(rejectedRows, keys))),
  );
  return rows.map((row) => row.key);
}

export async function countRejectedRows(mirror: StoredMirror): Promise<number> {
  const rows = await mirror.database.executeDrizzle(
    `counting the rows of ${mirror.name} that were set aside`,
    (db) =>
      db
        .select({ n: sql<string>`count(*)::text` })
        .from(rejectedRows)
        .where(ofMirror(rejectedRows, mirror)),
  );
  return Number(rows[0]!.n);
}
