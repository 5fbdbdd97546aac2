import { arrayLiteral } from "../../postgres/array-literal.js";
import type { Database } from "../../postgres/database.js";
import { unseenEntries } from "../../source/change-log.js";

/** Which mirrors a look at the log is about. */
export interface Watched {
  /** The deployment's URL, by which runs know it. */
  target: string;
  mirrors: readonly string[];
}

/** What a look has found, of the mirrors that no run works on. */
export interface Look {
  /** Something is logged that their watermarks have not seen. */
  pending: string[];
  /** They have no watermark: nothing was loaded yet, or not all of it. */
  unloaded: string[];
  /** The one whose last comparison is the oldest, and its time in milliseconds; null where none is loaded. */
  oldest: { name: string; fullAt: number } | null;
  /** All of them, where that was asked for. */
  free: string[];
}

/**
 * One statement of index look-ups, however many mirrors there are.
 * @param withFree whether all are to be named
 * @param notOldest those that are not to be named as the oldest
 */
export async function lookForWork(
  database: Database,
  { target, mirrors }: Watched,
  { withFree, notOldest }: { withFree: boolean; notOldest: readonly string[] },
): Promise<Look> {
  const unseen = unseenEntries({ trackedId: "m.tracked_id", since: "m.watermark" }, "", 1);
  const [row] = await database.execute("looking for changes", (sql) =>
    sql.unsafe<{ look: string }[]>(
      `WITH asked AS (
         SELECT a.name, a.place, m.tracked_id, m.watermark, m.last_full_at
           FROM unnest($2::text::text[]) WITH ORDINALITY AS a (name, place)
           LEFT JOIN datahub_sync.targets t ON t.url = $1::text
           LEFT JOIN datahub_sync.mirrors m ON m.target_id = t.id AND m.name = a.name
          WHERE NOT EXISTS (SELECT FROM datahub_sync.leases l WHERE l.target_id = t.id AND l.mirror = a.name
                               AND NOT l.released AND l.expires_at > clock_timestamp()))
       SELECT json_build_object(
         'pending', coalesce(json_agg(name ORDER BY place) FILTER (WHERE watermark IS NOT NULL AND EXISTS (${unseen})), '[]'),
         'unloaded', coalesce(json_agg(name ORDER BY place) FILTER (WHERE watermark IS NULL), '[]'),
         'oldest', (SELECT json_build_object('name', name, 'fullAt', extract(epoch FROM last_full_at) * 1000)
                      FROM asked WHERE watermark IS NOT NULL AND last_full_at IS NOT NULL AND name <> ALL ($4::text::text[]) ORDER BY last_full_at LIMIT 1),
         'free', coalesce(json_agg(name ORDER BY place) FILTER (WHERE $3::text::boolean), '[]'))::text AS look
         FROM asked m`,
      [target, arrayLiteral(mirrors), String(withFree), arrayLiteral(notOldest)],
    ),
  );
  return JSON.parse(row!.look) as Look;
}
