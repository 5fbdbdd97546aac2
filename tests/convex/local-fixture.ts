import {
  defineSchema,
  defineTable,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
  type QueryBuilder,
  internalMutationGeneric,
  internalQueryGeneric,
  makeFunctionReference,
  mutationGeneric,
  paginationOptsValidator,
  queryGeneric,
} from "convex/server";
import { ConvexError, v } from "convex/values";
import { LocalDeployment, type LocalDeploymentOptions } from "../../local/convex/deployment.js";

/** A small app to try the local deployment with: one table of notes, one of anything. */
export const schema = defineSchema({
  notes: defineTable({
    key: v.string(),
    rank: v.optional(v.union(v.null(), v.number(), v.int64(), v.string())),
    tags: v.optional(v.array(v.string())),
    author: v.optional(v.id("authors")),
    extra: v.optional(v.record(v.string(), v.number())),
  })
    .index("by_key", ["key"])
    .index("by_rank_and_key", ["rank", "key"]),
  authors: defineTable({ name: v.string() }),
  anything: defineTable(v.any()),
});

type DataModel = DataModelFromSchemaDefinition<typeof schema>;
const query = queryGeneric as QueryBuilder<DataModel, "public">;
const mutation = mutationGeneric as MutationBuilder<DataModel, "public">;

const note = schema.tables.notes.validator;
const order = v.union(v.literal("asc"), v.literal("desc"));
const bound = v.union(v.null(), v.number(), v.int64(), v.string());

export const notes = {
  add: mutation({
    args: { note },
    returns: v.id("notes"),
    handler: ({ db }, { note }) => db.insert("notes", note),
  }),
  addLoose: mutation({
    args: { note: v.any() },
    handler: ({ db }, { note }) => db.insert("notes", note as { key: string }),
  }),
  addAnything: mutation({
    args: { value: v.any() },
    handler: ({ db }, { value }) => db.insert("anything", value as Record<string, unknown>),
  }),
  addMany: mutation({
    args: { notes: v.array(note) },
    handler: async ({ db }, { notes }) => {
      for (const note of notes) await db.insert("notes", note);
      return notes.length;
    },
  }),
  replaceByKey: mutation({
    args: { key: v.string(), note: v.any() },
    handler: async ({ db }, { key, note }) => {
      const found = await db
        .query("notes")
        .withIndex("by_key", (q) => q.eq("key", key))
        .first();
      if (!found) return false;
      await db.replace(found._id, note as { key: string });
      return true;
    },
  }),
  patchByKey: mutation({
    args: { key: v.string(), patch: v.any(), remove: v.array(v.string()) },
    handler: async ({ db }, { key, patch, remove }) => {
      const found = await db
        .query("notes")
        .withIndex("by_key", (q) => q.eq("key", key))
        .first();
      if (!found) return false;
      const removed = Object.fromEntries(remove.map((name) => [name, undefined]));
      await db.patch("notes", found._id, { ...(patch as object), ...removed });
      return true;
    },
  }),
  removeByKey: mutation({
    args: { key: v.string() },
    handler: async ({ db }, { key }) => {
      const found = await db
        .query("notes")
        .withIndex("by_key", (q) => q.eq("key", key))
        .collect();
      for (const { _id } of found) await db.delete("notes", _id);
      return found.length;
    },
  }),
  addThenThrow: mutation({
    args: { key: v.string(), how: v.union(v.literal("plain"), v.literal("convex")) },
    handler: async ({ db }, { key, how }) => {
      await db.insert("notes", { key });
      if (how === "plain") throw new Error("after the insert");
      throw new ConvexError({ code: "AFTER_INSERT", count: 1n });
    },
  }),
  wrongResult: query({ args: {}, returns: v.number(), handler: () => "text" as unknown as number }),
  unique: query({
    args: { key: v.string() },
    handler: ({ db }, { key }) =>
      db
        .query("notes")
        .withIndex("by_key", (q) => q.eq("key", key))
        .unique(),
  }),
  range: query({
    args: {
      rank: bound,
      from: v.union(v.null(), v.string()),
      to: v.union(v.null(), v.string()),
      order,
      take: v.number(),
    },
    handler: ({ db }, { rank, from, to, order, take }) =>
      db
        .query("notes")
        .withIndex("by_rank_and_key", (q) => {
          const equal = q.eq("rank", rank);
          if (from !== null && to !== null) return equal.gte("key", from).lt("key", to);
          if (from !== null) return equal.gt("key", from);
          if (to !== null) return equal.lte("key", to);
          return equal;
        })
        .order(order)
        .take(take),
  }),
  above: query({
    args: { rank: bound, order },
    handler: ({ db }, { rank, order }) =>
      db
        .query("notes")
        .withIndex("by_rank_and_key", (q) => q.gt("rank", rank))
        .order(order)
        .collect(),
  }),
  all: query({
    args: { order, count: v.optional(v.boolean()) },
    handler: async ({ db }, { order, count }) => {
      const found = await db.query("notes").order(order).collect();
      return count ? found.length : found;
    },
  }),
  addTimes: mutation({
    args: { times: v.number(), text: v.optional(v.string()) },
    handler: async ({ db }, { times, text }) => {
      for (let i = 0; i < times; i++) await db.insert("notes", { key: `${i}`, tags: text ? [text] : [] });
    },
  }),
  filtered: query({
    args: { rank: v.number(), take: v.number() },
    handler: ({ db }, { rank, take }) =>
      db
        .query("notes")
        .filter((q) =>
          q.or(
            q.eq(q.field("rank"), rank),
            q.and(q.eq(q.field("rank"), undefined), q.not(q.lt(q.field("key"), "b"))),
          ),
        )
        .take(take),
  }),
  page: query({
    args: { paginationOpts: paginationOptsValidator, order },
    handler: ({ db }, { paginationOpts, order }) =>
      db.query("notes").withIndex("by_key").order(order).paginate(paginationOpts),
  }),
  twoPages: query({
    args: { paginationOpts: paginationOptsValidator },
    handler: async ({ db }, { paginationOpts }) => {
      await db.query("notes").paginate(paginationOpts);
      return db.query("authors").paginate(paginationOpts);
    },
  }),
  get: query({
    args: { id: v.id("notes") },
    handler: ({ db }, { id }) => db.get("notes", id),
  }),
  normalize: query({
    args: { table: v.string(), id: v.string() },
    handler: ({ db }, { table, id }) => db.normalizeId(table as "notes", id),
  }),
  echo: query({ args: { value: v.any() }, handler: (_, { value }) => value as unknown }),
  environment: query({
    args: {},
    handler: async () => {
      const before = process.env["SECRET"];
      await crypto.subtle.digest("SHA-256", new Uint8Array(1));
      return { before, after: process.env["SECRET"], path: process.env["PATH"] ?? null };
    },
  }),
  metrics: query({
    args: {},
    handler: async ({ db, meta }) => {
      await db.query("notes").take(3);
      return meta.getTransactionMetrics();
    },
  }),
  identity: query({ args: {}, handler: ({ auth }) => auth.getUserIdentity() }),
  addTwiceInside: mutation({
    args: { key: v.string() },
    handler: async (ctx, { key }) => {
      await ctx.db.insert("notes", { key });
      const failing = makeFunctionReference<"mutation">("notes:addThenThrow");
      await ctx.runMutation(failing, { key, how: "plain" }).catch(() => null);
      const all = makeFunctionReference<"query">("notes:all");
      return ((await ctx.runQuery(all, { order: "asc" })) as unknown[]).length;
    },
  }),
  /** Reads, waits for the caller, and writes: for conflicts. */
  countThenAdd: mutation({
    args: { key: v.string() },
    handler: async ({ db }, { key }) => {
      const found = await db
        .query("notes")
        .withIndex("by_key", (q) => q.eq("key", key))
        .collect();
      await pause.current;
      await db.insert("notes", { key, rank: found.length });
      return found.length;
    },
  }),
  readMany: query({
    args: { count: v.number() },
    handler: async ({ db }, { count }) => {
      for (let i = 0; i < count; i++) {
        await db
          .query("notes")
          .withIndex("by_key", (q) => q.eq("key", `${i}`))
          .first();
      }
      return null;
    },
  }),
  internalCount: internalQueryGeneric({
    args: {},
    handler: async ({ db }) => (await db.query("notes").collect()).length,
  }),
  internalAdd: internalMutationGeneric({
    args: { key: v.string() },
    handler: ({ db }, { key }) => db.insert("notes", { key }),
  }),
};

/** What `countThenAdd` waits for. */
export const pause: { current: Promise<void> } = { current: Promise.resolve() };

export const createDeployment = (options: Partial<LocalDeploymentOptions> = {}): LocalDeployment =>
  LocalDeployment.create({ schema, modules: { notes }, redact: false, seed: 1, ...options });
