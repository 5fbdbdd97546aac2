import { mutationGeneric, type GenericDataModel, type MutationBuilder } from "convex/server";
import { v, type GenericId } from "convex/values";

const mutation: MutationBuilder<GenericDataModel, "public"> = mutationGeneric;

/** What somebody deploys who writes the sync by hand: look the row up by its id in the source, replace or insert it. */
export const upsert = mutation({
  args: { table: v.string(), rows: v.array(v.any()) },
  handler: async ({ db }, { table, rows }) => {
    for (const row of rows as { id: string | number }[]) {
      const existing = await db
        .query(table)
        .withIndex("by_source_id", (range) => range.eq("id", row.id))
        .unique();
      if (existing === null) await db.insert(table, row);
      else await db.replace(table, existing["_id"] as GenericId<string>, row);
    }
  },
});
