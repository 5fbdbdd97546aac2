import { describe, expect, it, vi } from "vitest";
import { requireSyncKey } from "../../convex/datahubSync/auth.js";
import * as exported from "../../convex/datahubSync.js";
import {
  expectRefusal,
  FIRST_END,
  FIRST_TOKEN,
  functions,
  onlyOne,
  startTestDeployment,
  SYNC_KEY,
  TABLE,
  type TestDeployment,
} from "./test-deployment.js";

const page = { table: TABLE, after: null, limit: 10 };
const noRows = { slot: 0, upserts: [], deletions: [], orphans: [], force: false };

/** One sound call of every function. */
const calls = {
  handshake: (t, syncKey, table) => t.query(functions.handshake, { syncKey, tables: [table], sampleFrom: 0 }),
  beginRuns: async (t, syncKey, table) =>
    onlyOne(
      await t.mutation(functions.beginRuns, {
        syncKey,
        tables: [table],
        lineage: "source",
        epoch: 1n,
        nonce: "first",
        takeOver: false,
      }),
    ),
  rotateFence: (t, syncKey, table) =>
    t.mutation(functions.rotateFence, { syncKey, ...FIRST_TOKEN, table, nextFence: 1n }),
  applyBatch: (t, syncKey, table) =>
    t.mutation(functions.applyBatch, { syncKey, ...FIRST_TOKEN, table, ...noRows }),
  finishRuns: async (t, syncKey, table) =>
    onlyOne(
      await t.mutation(functions.finishRuns, {
        syncKey,
        lineage: "source",
        epoch: FIRST_TOKEN.epoch,
        nonce: FIRST_TOKEN.nonce,
        ends: [{ table, fence: FIRST_TOKEN.fence, priorNonce: null, ...FIRST_END }],
      }),
    ),
  listLedger: (t, syncKey, table) => t.query(functions.listLedger, { syncKey, ...page, table }),
  listDocuments: (t, syncKey, table) =>
    t.query(functions.listDocuments, { syncKey, table, cursor: null, limit: 10, maxBytes: 1_000 }),
  listMissing: (t, syncKey, table) => t.query(functions.listMissing, { syncKey, ...page, table }),
  lookupKeys: (t, syncKey, table) => t.query(functions.lookupKeys, { syncKey, table, keys: ["a"] }),
  adoptDocuments: (t, syncKey, table) =>
    t.mutation(functions.adoptDocuments, { syncKey, ...FIRST_TOKEN, table, slot: 0, entries: [] }),
  readDocuments: (t, syncKey, table) => t.query(functions.readDocuments, { syncKey, table, keys: ["a"] }),
} satisfies Record<
  Exclude<keyof typeof exported, "freshness">,
  (t: TestDeployment["t"], syncKey: string, table: string) => Promise<unknown>
>;
const everyCall = Object.entries(calls);

describe("invariant 11: nobody without the sync key reads or writes", () => {
  it("is tested for every function that the module exports, but for the internal one", () => {
    expect([...Object.keys(calls), "freshness"].sort()).toEqual(Object.keys(exported).sort());
    expect("isInternal" in exported.freshness).toBe(true);
  });

  describe.each(everyCall)("%s", (_name, call) => {
    it.each([
      ["of equal length", SYNC_KEY.replace(/^./, "b")],
      ["that the key begins with", SYNC_KEY.slice(0, -1)],
      ["that begins with the key", `${SYNC_KEY}s`],
      ["that is empty", ""],
    ])("refuses a key %s", async (_case, syncKey) => {
      await expectRefusal(call(startTestDeployment().t, syncKey, TABLE), "WRONG_SYNC_KEY");
    });

    it.each([
      ["absent", undefined],
      ["empty", ""],
    ])("refuses every key when the deployment's is %s", async (_case, value) => {
      const { t } = startTestDeployment();
      vi.stubEnv("CONVEX_SYNC_AUTH_KEY", value);
      await expectRefusal(call(t, "", TABLE), "SYNC_KEY_UNSET");
      await expectRefusal(call(t, SYNC_KEY, TABLE), "SYNC_KEY_UNSET");
    });

    it("says nothing about a table before the key is found right", async () => {
      await expectRefusal(call(startTestDeployment().t, "wrong", "no_such_table"), "WRONG_SYNC_KEY");
    });

    it("is not called without a key at all", async () => {
      // @ts-expect-error the key is missing
      await expect(call(startTestDeployment().t, undefined, TABLE)).rejects.toThrow(/syncKey/);
    });
  });

  it.each(everyCall.filter(([name]) => name !== "handshake"))(
    "%s refuses other tables",
    async (_name, call) => {
      const { t } = startTestDeployment();
      // The sync's own tables and inherited names of a JavaScript object are none of the mirrored tables
      // either.
      for (const table of ["no_such_table", "datahubSyncLedger", "_storage", "toString", "__proto__"]) {
        await expectRefusal(call(t, SYNC_KEY, table), "UNKNOWN_TABLE");
      }
    },
  );

  it("compares the digests to their last byte", async () => {
    vi.stubEnv("CONVEX_SYNC_AUTH_KEY", SYNC_KEY);
    await expect(requireSyncKey(SYNC_KEY)).resolves.toBeUndefined();
    // Any one byte of a digest is equal for one key in 256.
    for (let n = 0; n < 2_000; n++) await expectRefusal(requireSyncKey(`${SYNC_KEY} ${n}`), "WRONG_SYNC_KEY");
  });

  it("writes nothing for a caller without the key", async () => {
    const { t } = startTestDeployment();
    for (const [, call] of everyCall) await call(t, "wrong", TABLE).catch(() => undefined);
    const written = await t.run(async (ctx) => [
      ...(await ctx.db.query("datahubSyncMirrors").collect()),
      ...(await ctx.db.query("datahubSyncCounts").collect()),
    ]);
    expect(written).toEqual([]);
  });
});
