import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { mirrored } from "../../convex/datahubSync/mirrored.js";
import { defaultMirrorTables } from "../../convex/defaultMirrorTables.js";
import { LocalDeployment } from "../../local/convex/deployment.js";
import { serveLocalDeployment } from "../../local/convex/serve.js";
import * as peers from "./functions.js";

/** Tables as whoever writes the sync by hand defines them: all columns, and the index that the upsert needs. */
const sevenTables = Object.fromEntries(
  Object.entries(defaultMirrorTables).map(([name, { validator }]) => [
    name,
    defineTable({ ...validator.fields, sync_timestamp: mirrored(v.string()) }).index("by_source_id", ["id"]),
  ]),
);

export type PeerTables = Parameters<typeof defineSchema>[0];

/** A deployment of a peer's own, so that the meter counts nobody else's calls. */
export async function servePeerDeployment(tables: PeerTables = sevenTables) {
  const deployment = LocalDeployment.create({ schema: defineSchema(tables), modules: { peers } });
  const served = await serveLocalDeployment(deployment);
  return { deployment, convexUrl: served.url, close: () => served.close() };
}
