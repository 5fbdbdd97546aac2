import { ConvexHttpClient } from "convex/browser";
import { ConvexError } from "convex/values";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { api } from "../../convex/_generated/api.js";
import { createMirrorDeployment } from "../../local/convex/mirror-deployment.js";
import { serveLocalDeployment, type ServedDeployment } from "../../local/convex/serve.js";

const syncKey = "a key for tests";
const table = "sow_poles";
const token = { syncKey, table, epoch: 1n, nonce: "first", fence: 0n };

describe("the local deployment with this project's functions", () => {
  const deployment = createMirrorDeployment({ syncKey });
  let served: ServedDeployment;
  let client: ConvexHttpClient;
  beforeAll(async () => {
    served = await serveLocalDeployment(deployment);
    client = new ConvexHttpClient(served.url);
  });
  afterAll(() => served.close());

  const batch = (slot: number, from: number, count: number) => ({
    ...token,
    slot,
    upserts: Array.from({ length: count }, (_, i) => ({
      key: `${from + i}`,
      hash: `${from + i}`,
      document: {},
    })),
    deletions: [],
    orphans: [],
    force: false,
  });

  it("takes batches side by side without one conflict", async () => {
    const { lineage, takeOver } = { lineage: "source", takeOver: false };
    await client.mutation(api.datahubSync.beginRuns, {
      syncKey,
      tables: [table],
      epoch: 1n,
      nonce: "first",
      lineage,
      takeOver,
    });
    deployment.resetUsage();
    const apply = (slot: number) =>
      client.mutation(api.datahubSync.applyBatch, batch(slot, slot * 100, 100), { skipQueue: true });
    const results = await Promise.all(Array.from({ length: 8 }, (_, slot) => apply(slot)));
    expect(results.map(({ inserted }) => inserted)).toEqual(results.map(() => 100));
    expect(deployment.tableSize(table)).toBe(800);
    expect(deployment.usage()).toMatchObject({ calls: 8, failedCalls: 0, conflicts: 0 });

    deployment.resetUsage();
    expect(await apply(0)).toMatchObject({ inserted: 0, unchanged: 100 });
    expect(deployment.usage().byTable[table]).toBeUndefined();
  });

  it("refuses another key with data that survives redaction", async () => {
    const refused = client.query(api.datahubSync.handshake, {
      syncKey: "another",
      tables: [table],
      sampleFrom: 0,
    });
    const error: unknown = await refused.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConvexError);
    expect((error as ConvexError<{ code: string }>).data.code).toBe("WRONG_SYNC_KEY");
  });

  it("says so when the deployment has no key", async () => {
    const keyless = createMirrorDeployment({ syncKey: undefined });
    const refused = keyless.runQuery("datahubSync:handshake", { syncKey, tables: [table], sampleFrom: 0 });
    await expect(refused).rejects.toMatchObject({ data: { code: "SYNC_KEY_UNSET" } });
  });
});
