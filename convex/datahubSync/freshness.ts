import type { GenericDatabaseReader, GenericDataModel } from "convex/server";
import { v } from "convex/values";
import { lastRun as lastRunFields, type LastRun } from "./runProtocol.js";
import type { MirrorReader } from "./ledger.js";
import { findState } from "./runs.js";

/**
 * What `mirrorFreshness` says of a mirror.
 * @example
 * ```ts
 * import type { MirrorFreshness } from "datahub-sync/convex";
 * import { toDate } from "datahub-sync/values";
 *
 * export function ageMs({ highWaterMark }: MirrorFreshness, now: Date): number | null {
 *   return highWaterMark === null ? null : now.getTime() - toDate(highWaterMark).getTime();
 * }
 * ```
 */
export interface MirrorFreshness {
  /**
   * Everything that had committed in Postgres at this time is in the mirror, but for rows that are set aside and rows
   * that changed again while the run went on: those come with the next. ISO 8601, UTC; null before the first run ended.
   */
  highWaterMark: string | null;
  /** Rows in the mirror when the last run ended. */
  rows: number;
  /** A run is going on (or has crashed): some changes after the high-water mark may already be there. */
  running: boolean;
  lastRun: LastRun | null;
}

/** What the function `freshness` gives: null for a mirror of which no run ever began. */
export const freshnessResult = v.array(
  v.object({
    table: v.string(),
    freshness: v.union(
      v.null(),
      v.object({
        highWaterMark: v.union(v.string(), v.null()),
        rows: v.number(),
        running: v.boolean(),
        lastRun: v.union(lastRunFields, v.null()),
      }),
    ),
  }),
);

/**
 * How fresh a mirror is, for an app to wrap in a query of its own; null if no run ever began. Reads one small
 * document that changes only when a run begins or ends. Keeps the fencing token and the source's identity
 * back.
 * @example
 * ```ts
 * import { v } from "convex/values";
 * import { mirrorFreshness } from "datahub-sync/convex";
 * import { query } from "./_generated/server";
 *
 * export const freshness = query({
 *   args: { table: v.string() },
 *   handler: (ctx, { table }) => mirrorFreshness(ctx, table),
 * });
 * ```
 */
export async function mirrorFreshness<DataModel extends GenericDataModel>(
  ctx: { db: GenericDatabaseReader<DataModel> },
  table: string,
): Promise<MirrorFreshness | null> {
  // The app's data model has our tables, or its schema would not hold them; its type cannot say so here.
  const db = ctx.db as unknown as MirrorReader;
  const state = await findState(db, table);
  if (state === null) return null;
  const { highWaterMark, rows, running, lastRun } = state;
  return { highWaterMark, rows, running, lastRun };
}
