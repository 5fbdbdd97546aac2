import { arrayLiteral } from "../../postgres/array-literal.js";
import type { Database } from "../../postgres/database.js";
import { unseenEntries } from "../../source/change-log.js";

/** Which mirrors a look at the log is about. */
export interface Watched {
  /** The deployment's URL, by which runs know it. */
  target: string;
  mirrors: readonly string[];
}

/**
 * The mirrors for which something is logged that their watermarks have not seen, or that have no watermark, unless another run
 * works on them: one statement of index look-ups, however many there are.
 */
export async function findPending(
  database: Database,
  { target, mirrors }: Watched,
): Promise<{ pending: string[]; oldestFullAt: number | null }> {
  const unseen = unseenEntries({ trackedId: "m.tracked_id", since: "m.watermark" }, "", 1);
  const [row] = await database.execute("looking for changes", (sql) =>
    sql.unsafe<{ pending: string | null; full_at: string | null }[]>(
      `SELECT json_agg(asked.name ORDER BY asked.name) FILTER (
                WHERE (m.watermark IS NULL OR EXISTS (${unseen}))
                  AND NOT EXISTS (SELECT FROM datahub_sync.leases l WHERE l.target_id = m.target_id AND l.mirror = m.name
                                     AND NOT l.released AND l.expires_at > clock_timestamp()))::text AS pending,
              CASE WHEN bool_and(m.last_full_at IS NOT NULL) THEN extract(epoch FROM min(m.last_full_at)) * 1000 END::text AS full_at
         FROM unnest($2::text::text[]) AS asked (name)
         LEFT JOIN (datahub_sync.mirrors m JOIN datahub_sync.targets t ON t.id = m.target_id AND t.url = $1::text)
                ON m.name = asked.name`,
      [target, arrayLiteral(mirrors)],
    ),
  );
  const { pending, full_at: fullAt } = row!;
  return {
    pending: JSON.parse(pending ?? "[]") as string[],
    oldestFullAt: fullAt === null ? null : Number(fullAt),
  };
}
