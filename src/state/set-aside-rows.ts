import { and, asc, sql } from "drizzle-orm";
import { setAsideRows } from "../../drizzle/state.js";
import { isUntranslatable } from "../postgres/database-error.js";
import { inAscii } from "./in-ascii.js";
import { ofMirror, withKeys } from "./keys-of-mirror.js";
import { writeUnderLease } from "./lease.js";
import type { HeldMirror, StoredMirror } from "./stored-mirror.js";
import { utcText } from "./utc-text.js";

/** A row that cannot be mirrored, with the reason; never a value. */
export interface SetAsideRow {
  key: string;
  /** A stable code, such as DOCUMENT_TOO_LARGE. */
  code: string;
  column: string | null;
  reason: string;
}

export async function setRowAside(mirror: HeldMirror, row: SetAsideRow): Promise<void> {
  await recordReason(mirror, row).catch((error: unknown) => {
    if (!isUntranslatable(error)) throw error;
    return recordReason(mirror, { ...row, reason: inAscii(row.reason) });
  });
}

async function recordReason(mirror: HeldMirror, row: SetAsideRow): Promise<void> {
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    [mirror.name],
    `setting a row of ${mirror.name} aside`,
    sql`INSERT INTO ${setAsideRows} (target_id, mirror, key, code, column_name, reason)
        SELECT held_target, ${mirror.name}, ${row.key}, ${row.code}, ${row.column}, ${row.reason} FROM held
        ON CONFLICT (target_id, mirror, digest) DO UPDATE
          SET code = excluded.code, column_name = excluded.column_name, reason = excluded.reason, last_at = now()`,
  );
}

/** The rows are mirrored now, or gone. */
export async function forgetSetAside(mirror: HeldMirror, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await writeUnderLease(
    mirror.database,
    mirror.lease,
    [mirror.name],
    `recording mended rows of ${mirror.name}`,
    sql`DELETE FROM ${setAsideRows} USING held
         WHERE target_id = held_target AND mirror = ${mirror.name} AND ${withKeys(setAsideRows, keys)}`,
  );
}

/** A page of the rows that are set aside, in the order of the keys' digests; without `after`, the first by their keys. */
export async function readSetAside(
  mirror: StoredMirror,
  page: { after?: string | null; limit: number },
): Promise<(SetAsideRow & { since: string })[]> {
  const { after, limit } = page;
  return mirror.database.executeDrizzle(`reading the rows of ${mirror.name} that were set aside`, (db) =>
    db
      .select({
        key: setAsideRows.key,
        code: setAsideRows.code,
        column: setAsideRows.column,
        reason: setAsideRows.reason,
        since: sql<string>`${utcText(setAsideRows.firstAt)}`,
      })
      .from(setAsideRows)
      .where(ofMirror(setAsideRows, mirror, after ?? null))
      .orderBy(asc(after === undefined ? setAsideRows.key : setAsideRows.digest))
      .limit(limit),
  );
}

/** The keys of all of them, page by page; no page is empty. */
export async function* setAsideKeys(mirror: StoredMirror, limit: number): AsyncGenerator<string[]> {
  let after: string | null = null;
  for (;;) {
    const page = await readSetAside(mirror, { after, limit });
    if (page.length > 0) yield page.map(({ key }) => key);
    if (page.length < limit) return;
    after = page.at(-1)!.key;
  }
}

/** Which of these keys are set aside. */
export async function findSetAside(mirror: StoredMirror, keys: readonly string[]): Promise<string[]> {
  const rows = await mirror.database.executeDrizzle(
    `looking up the rows of ${mirror.name} that were set aside`,
    (db) =>
      db
        .select({ key: setAsideRows.key })
        .from(setAsideRows)
        .where(and(ofMirror(setAsideRows, mirror), withKeys(setAsideRows, keys))),
  );
  return rows.map((row) => row.key);
}

export async function countSetAside(mirror: StoredMirror): Promise<number> {
  const rows = await mirror.database.executeDrizzle(
    `counting the rows of ${mirror.name} that were set aside`,
    (db) =>
      db
        .select({ n: sql<string>`count(*)::text` })
        .from(setAsideRows)
        .where(ofMirror(setAsideRows, mirror)),
  );
  return Number(rows[0]!.n);
}
