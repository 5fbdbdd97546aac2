import { mutationGeneric } from "convex/server";
import { v } from "convex/values";

/** What somebody deploys who writes the sync by hand: look the row up by its id in the source, replace or insert it. */
export const upsert = mutationGeneric({
  args: { table: v.string(), rows: v.array(v.any()) },
  handler: async ({ db }, { table, rows }) => {
    for (const row of rows as { id: string | number }[]) {
      const existing = await db
        .query(table)
        .withIndex("by_source_id", (range) => range.eq("id", row.id))
        .unique();
      if (existing === null) await db.insert(table, row);
      else await db.replace(table, existing._id, row);
    }
  },
});
