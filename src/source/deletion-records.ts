import type { Database } from "../postgres/database.js";
import { parseSnapshot, unseenBy, type Snapshot } from "./snapshot.js";

/** $1 tracked id, $2 watermark: the records that this watermark has not seen. */
const UNSEEN = `tracked_id = $1::text::integer AND ${unseenBy("$2", "xid")}`;

/**
 * Recorded deletions since the watermark, in the order of their ids. A record is no proof: the key may live again,
 * or have moved to another partition.
 */
export async function readDeletions(
  database: Database,
  trackedId: number,
  watermark: Snapshot,
  afterId: string,
  limit: number,
): Promise<{ id: string; key: string }[]> {
  return database.run("reading recorded deletions", (sql) =>
    sql.unsafe<{ id: string; key: string }[]>(
      `SELECT id::text, key FROM datahub_sync.deletions
        WHERE ${UNSEEN} AND kind = 'row' AND id > $3::text::bigint ORDER BY deletions.id LIMIT ${limit}`,
      [String(trackedId), parseSnapshot(watermark), afterId],
    ),
  );
}

export async function countDeletions(
  database: Database,
  trackedId: number,
  watermark: Snapshot,
): Promise<number> {
  const [row] = await database.run("counting recorded deletions", (sql) =>
    sql.unsafe<{ n: string }[]>(`SELECT count(*)::text AS n FROM datahub_sync.deletions WHERE ${UNSEEN}`, [
      String(trackedId),
      parseSnapshot(watermark),
    ]),
  );
  return Number(row!.n);
}

/** Whether something since the watermark can only be answered by comparing all keys: a TRUNCATE, a key not known. */
export async function needsComparison(
  database: Database,
  trackedId: number,
  watermark: Snapshot,
): Promise<"truncate" | "unknown" | null> {
  const [row] = await database.run("looking for recorded truncations", (sql) =>
    sql.unsafe<{ kind: "truncate" | "unknown" }[]>(
      `SELECT kind FROM datahub_sync.deletions WHERE ${UNSEEN} AND kind <> 'row' ORDER BY id LIMIT 1`,
      [String(trackedId), parseSnapshot(watermark)],
    ),
  );
  return row?.kind ?? null;
}
