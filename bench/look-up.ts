import {
  defineSchema,
  defineTable,
  mutationGeneric,
  queryGeneric,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v } from "convex/values";
import { LocalDeployment } from "../local/convex/deployment.js";
import { ratio, type Finding } from "./findings.js";

const schema = defineSchema({ things: defineTable({ key: v.string() }).index("by_key", ["key"]) });
type Schema = DataModelFromSchemaDefinition<typeof schema>;
const mutation: MutationBuilder<Schema, "public"> = mutationGeneric;
const query: QueryBuilder<Schema, "public"> = queryGeneric;

const PER_CALL = 1_000;
const ROUNDS = 8;

const things = {
  add: mutation({
    args: { from: v.number(), count: v.number() },
    handler: async ({ db }, { from, count }) => {
      for (let i = from; i < from + count; i++) await db.insert("things", { key: `key ${i}` });
    },
  }),
  /** So many look-ups in one call: the call itself is not what is measured. */
  lookUp: query({
    args: { among: v.number(), count: v.number() },
    handler: async ({ db }, { among, count }) => {
      let found = 0;
      for (let i = 0; i < count; i++) {
        const key = `key ${(i * 7919) % among}`;
        const thing = await db
          .query("things")
          .withIndex("by_key", (range) => range.eq("key", key))
          .unique();
        if (thing !== null) found++;
      }
      return found;
    },
  }),
};

async function measureLookUp(documents: number): Promise<number> {
  const deployment = LocalDeployment.create({ schema, modules: { things } });
  for (let from = 0; from < documents; from += PER_CALL) {
    await deployment.runMutation("things:add", { from, count: PER_CALL });
  }
  // The best of some rounds: the first ones run code that is not compiled yet.
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    const found = await deployment.runQuery("things:lookUp", { among: documents, count: PER_CALL });
    if (found !== PER_CALL) throw new Error(`not all of ${PER_CALL} documents were found`);
    rounds.push(((performance.now() - startedAt) * 1000) / PER_CALL);
  }
  return Math.min(...rounds);
}

export async function describeLookUps(): Promise<Finding[]> {
  const few = await measureLookUp(1_000);
  const many = await measureLookUp(100_000);
  return [
    {
      what: "local deployment: a look-up by index among 100,000 documents, against 1,000",
      measured: `${many.toFixed(0)} µs`,
      against: `${few.toFixed(0)} µs`,
      ratio: ratio(many, few),
    },
  ];
}
