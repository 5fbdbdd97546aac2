import { sql } from "drizzle-orm";
import { trackedTables } from "../../drizzle/state.js";
import type { Database } from "../postgres/database.js";
import { isMissingRelation } from "../postgres/database-error.js";

export interface TrackedTable {
  oid: string;
  /** Rises whenever `track` changed something. */
  generation: number;
}

/** The tables that are recorded as tracked; none where no migration has been applied. */
export async function listTrackedTables(database: Database): Promise<TrackedTable[]> {
  return database.executeDrizzle("reading the tracked tables", async (db) => {
    try {
      return await db
        .select({
          oid: sql<string>`${trackedTables.relationOid}::text`,
          generation: trackedTables.generation,
        })
        .from(trackedTables);
    } catch (error) {
      if (isMissingRelation(error)) return [];
      throw error;
    }
  });
}
