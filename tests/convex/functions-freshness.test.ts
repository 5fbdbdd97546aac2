import { expect, test } from "vitest";
import * as datahubSync from "../../convex/datahubSync.js";
import schema from "../../convex/schema.js";
import { LocalDeployment } from "../../local/convex/deployment.js";

const SYNC_KEY = "k3y-of-the-deployment-that-nobody-may-see";

test("freshness tells of all mirrors to whoever holds the deployment, and to nobody else", async () => {
  const deployment = LocalDeployment.create({
    ...{ schema, modules: { datahubSync }, env: { CONVEX_SYNC_AUTH_KEY: SYNC_KEY }, redact: false },
  });
  const none = await deployment.runQuery("datahubSync:freshness", {}, { admin: true });
  expect(none).toHaveLength(7);
  expect(none).toContainEqual({ table: "sow_poles", freshness: null });

  await deployment.runMutation("datahubSync:beginRuns", {
    ...{ syncKey: SYNC_KEY, tables: ["sow_poles"], epoch: 1n, nonce: "n", lineage: "l", takeOver: false },
  });
  expect(await deployment.runQuery("datahubSync:freshness", {}, { admin: true })).toContainEqual({
    table: "sow_poles",
    freshness: { highWaterMark: null, rows: 0, running: true, lastRun: null },
  });
  await expect(deployment.runQuery("datahubSync:freshness")).rejects.toThrow(
    "Could not find public function",
  );
});
