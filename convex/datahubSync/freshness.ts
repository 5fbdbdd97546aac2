import type { GenericDatabaseReader, GenericDataModel } from "convex/server";
import type { LastRun } from "./runProtocol.js";
import type { MirrorReader } from "./ledger.js";
import { findState } from "./runs.js";

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

/**
 * How fresh a mirror is, for an app to wrap in a query of its own; null if no run ever began. Reads one small
 * document that changes only when a run begins or ends. Keeps the fencing token and the source's identity
 * back.
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
