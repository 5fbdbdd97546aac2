import { describe, expect, it } from "vitest";
import { applyBatch } from "../../convex/datahubSyncBatch.js";
import type { MirrorWriter } from "../../convex/datahubSyncLedger.js";
import { LIMITS, type Batch, type BatchResult } from "../../convex/datahubSyncProtocol.js";
import { defaultMirrorTables } from "../../convex/datahubSyncTables.js";
import {
  expectRefusal,
  FIRST_RUN,
  refusalOf,
  row,
  startTestDeployment,
  TABLE,
  type TestDeployment,
} from "./test-deployment.js";

const NOTHING = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0 };

/** A mirror with rows a, b and c in state "planted", in the middle of a run. */
async function startPlanted() {
  const mirror = startTestDeployment();
  await mirror.begin();
  await mirror.apply({ upserts: ["a", "b", "c"].map((key) => row(key, "planted")) });
  const documents = await mirror.documents();
  const idOf = (key: string) => documents.find((document) => document.id === key)!._id;
  const statuses = async () =>
    Object.fromEntries((await mirror.documents()).map(({ id, status }) => [id ?? "stranger", status]));
  return { ...mirror, idOf, statuses, rows: async () => (await mirror.handshake()).rows };
}

const wholeBatch = {
  ...FIRST_RUN,
  fence: 0n,
  slot: 0,
  upserts: [],
  deletions: [],
  orphans: [],
  force: false,
};

/** Applies the batch, checks its result, and returns the calls into the database that it took. */
async function callsOf(mirror: TestDeployment, batch: Batch, result: BatchResult): Promise<string[]> {
  return await mirror.t.run(async (ctx) => {
    const calls: string[] = [];
    const db = recordCalls(ctx.db, calls);
    expect(await applyBatch(db, defaultMirrorTables.sow_poles, batch)).toEqual(result);
    return calls;
  });
}

/** The same database, noting each call as its name and first argument. */
function recordCalls(db: object, calls: string[]): MirrorWriter {
  const recording = new Proxy(db as Record<string, unknown>, {
    get: (methods, name: string) => {
      const method = methods[name];
      // normalizeId decodes the id, and reads nothing.
      if (typeof method !== "function" || name === "normalizeId") return method;
      return (...args: unknown[]): unknown => {
        calls.push(`${name} ${String(args[0])}`);
        return method.apply(methods, args);
      };
    },
  });
  return recording as unknown as MirrorWriter;
}

describe("upserts", () => {
  it("inserts new rows: the source's columns and nothing else", async () => {
    const mirror = await startPlanted();
    const { _id, _creationTime, ...fields } = (await mirror.documents())[0]!;
    expect(fields).toEqual({ id: "a", status: "planted" });
    expect((await mirror.ledger())[0]).toMatchObject({
      table: TABLE,
      key: "a",
      hash: "hash of planted",
      document: _id,
    });
    expect(_creationTime).toBeGreaterThan(0);
    expect(await mirror.rows()).toBe(3);
  });

  it("replaces what changed, in place", async () => {
    const mirror = await startPlanted();
    const result = await mirror.apply({ upserts: [row("a", "live"), row("d", "live")] });
    expect(result).toEqual({ ...NOTHING, updated: 1, inserted: 1 });
    expect(await mirror.statuses()).toEqual({ a: "live", b: "planted", c: "planted", d: "live" });
    const entry = (await mirror.ledger()).find(({ key }) => key === "a");
    expect(entry).toMatchObject({ hash: "hash of live", document: mirror.idOf("a") });
    expect(await mirror.rows()).toBe(4);
  });

  it("replaces the whole document: a column that is not sent any more is gone", async () => {
    const mirror = await startPlanted();
    await mirror.apply({ upserts: [{ key: "a", hash: "fewer columns", document: { id: "a" } }] });
    expect((await mirror.documents())[0]).not.toHaveProperty("status");
  });

  it("is harmless when repeated", async () => {
    const mirror = await startPlanted();
    const batch = { upserts: [row("a", "live"), row("d", "live")], deletions: ["b"] };
    await mirror.apply(batch);
    const before = [await mirror.documents(), await mirror.ledger(), await mirror.counts()];
    expect(await mirror.apply(batch)).toEqual({ ...NOTHING, unchanged: 2, absent: 1 });
    expect([await mirror.documents(), await mirror.ledger(), await mirror.counts()]).toEqual(before);
  });

  it("invariant 4: leaves the document of an equal hash alone", async () => {
    const mirror = await startPlanted();
    await mirror.edit(mirror.idOf("a"), { status: "edited by hand" });
    expect(await mirror.apply({ upserts: [row("a", "planted")] })).toEqual({ ...NOTHING, unchanged: 1 });
    expect(await mirror.statuses()).toMatchObject({ a: "edited by hand" });
  });

  it("invariant 4: neither reads nor writes anything but the token and the ledger for equal hashes", async () => {
    const mirror = await startPlanted();
    const upserts = ["a", "b", "c"].map((key) => row(key, "planted"));
    const batch = { ...wholeBatch, upserts };
    const used = await callsOf(mirror, batch, { ...NOTHING, unchanged: 3 });
    const lookUp = "query datahubSyncLedger";
    expect(used).toEqual(["query datahubSyncMirrors", lookUp, lookUp, lookUp]);
  });

  it("inserts a document again that was gone, and points the ledger at it", async () => {
    const mirror = await startPlanted();
    await mirror.wipe(mirror.idOf("a"));
    expect(await mirror.apply({ upserts: [row("a", "live")] })).toEqual({ ...NOTHING, inserted: 1 });
    const [document] = (await mirror.documents()).filter(({ id }) => id === "a");
    const entry = (await mirror.ledger()).find(({ key }) => key === "a");
    expect(entry).toMatchObject({ document: document!._id, hash: "hash of live" });
    expect(await mirror.rows()).toBe(3);
  });

  it("does not notice a missing document when the hash is equal", async () => {
    // What `listMissing` and `force` are for: looking would mean to read every document.
    const mirror = await startPlanted();
    await mirror.wipe(mirror.idOf("a"));
    expect(await mirror.apply({ upserts: [row("a", "planted")] })).toEqual({ ...NOTHING, unchanged: 1 });
  });

  it("takes a ledger entry that points into another table for one whose document is gone", async () => {
    const mirror = await startPlanted();
    await mirror.t.run(async (ctx) => {
      const elsewhere = await ctx.db.insert("sow_drops", { status: "not ours" });
      const entry = await ctx.db.query("datahubSyncLedger").first();
      await ctx.db.patch("datahubSyncLedger", entry!._id, { document: elsewhere });
    });
    expect(await mirror.apply({ upserts: [row("a", "live")] })).toEqual({ ...NOTHING, inserted: 1 });
    expect(await mirror.apply({ deletions: ["a"] })).toEqual({ ...NOTHING, deleted: 1 });
    expect(await mirror.t.run((ctx) => ctx.db.query("sow_drops").collect())).toHaveLength(1);
  });
});

describe("force", () => {
  it("writes the document over a hand's edit, and not the ledger", async () => {
    const mirror = await startPlanted();
    await mirror.edit(mirror.idOf("a"), { status: "edited by hand" });
    const ledger = await mirror.ledger();
    expect(await mirror.apply({ upserts: [row("a", "planted")], force: true })).toEqual({
      ...NOTHING,
      updated: 1,
    });
    expect(await mirror.statuses()).toMatchObject({ a: "planted" });
    expect(await mirror.ledger()).toEqual(ledger);
  });

  it("costs one look-up and one replace a row, and no touch of a ledger entry that stays", async () => {
    const mirror = await startPlanted();
    const batch = { ...wholeBatch, upserts: [row("a", "planted")], force: true };
    expect(await callsOf(mirror, batch, { ...NOTHING, updated: 1 })).toEqual([
      "query datahubSyncMirrors",
      "query datahubSyncLedger",
      `replace ${TABLE}`,
    ]);
  });

  it("brings a missing document back", async () => {
    const mirror = await startPlanted();
    await mirror.wipe(mirror.idOf("a"));
    expect(await mirror.apply({ upserts: [row("a", "planted")], force: true })).toEqual({
      ...NOTHING,
      inserted: 1,
    });
    expect(await mirror.statuses()).toEqual({ a: "planted", b: "planted", c: "planted" });
    expect(await mirror.listMissing()).toEqual({ missing: [], after: null });
    expect(await mirror.rows()).toBe(3);
  });
});

describe("deletions", () => {
  it("delete the document and its ledger entry", async () => {
    const mirror = await startPlanted();
    expect(await mirror.apply({ deletions: ["b"] })).toEqual({ ...NOTHING, deleted: 1 });
    expect(await mirror.statuses()).toEqual({ a: "planted", c: "planted" });
    expect((await mirror.ledger()).map(({ key }) => key)).toEqual(["a", "c"]);
    expect(await mirror.rows()).toBe(2);
  });

  it("of an absent key are nothing: no ghost rows, no negative count", async () => {
    const mirror = await startPlanted();
    expect(await mirror.apply({ deletions: ["never there", "b"] })).toEqual({
      ...NOTHING,
      deleted: 1,
      absent: 1,
    });
    expect(await mirror.apply({ deletions: ["never there", "b"] })).toEqual({ ...NOTHING, absent: 2 });
    expect(await mirror.ledger()).toHaveLength(2);
    expect(await mirror.rows()).toBe(2);
  });

  it("remove the ledger entry of a document that is gone", async () => {
    const mirror = await startPlanted();
    await mirror.wipe(mirror.idOf("b"));
    expect(await mirror.apply({ deletions: ["b"] })).toEqual({ ...NOTHING, deleted: 1 });
    expect(await mirror.ledger()).toHaveLength(2);
    expect(await mirror.rows()).toBe(2);
  });

  it("touch one table only", async () => {
    const mirror = await startPlanted();
    await mirror.begin({ table: "sow_drops" });
    expect(await mirror.apply({ table: "sow_drops", deletions: ["a"] })).toEqual({ ...NOTHING, absent: 1 });
    expect(await mirror.rows()).toBe(3);
  });
});

describe("orphans", () => {
  it("are deleted if the ledger does not know them", async () => {
    const mirror = await startPlanted();
    const stranger = await mirror.insertStranger("left by an earlier attempt");
    expect(await mirror.apply({ orphans: [stranger] })).toEqual({ ...NOTHING, deleted: 1 });
    expect(await mirror.statuses()).toEqual({ a: "planted", b: "planted", c: "planted" });
    expect(await mirror.rows()).toBe(3);
  });

  it("are skipped if the ledger knows them, if they are gone, or of another table", async () => {
    const mirror = await startPlanted();
    const gone = await mirror.insertStranger("gone");
    await mirror.wipe(gone);
    const elsewhere = await mirror.t.run((ctx) => ctx.db.insert("sow_drops", { status: "not ours" }));
    const orphans = [mirror.idOf("a"), gone, elsewhere, "not an id"];
    expect(await mirror.apply({ orphans })).toEqual({ ...NOTHING, absent: 4 });
    expect(await mirror.statuses()).toEqual({ a: "planted", b: "planted", c: "planted" });
    expect(await mirror.t.run((ctx) => ctx.db.query("sow_drops").collect())).toHaveLength(1);
  });
});

describe("a batch as a whole", () => {
  it("counts rows by sender slot, and the sum is the mirror's", async () => {
    const mirror = await startPlanted();
    await mirror.apply({ slot: 63, deletions: ["a", "b"] });
    await mirror.apply({ slot: 7, upserts: [row("d", "planted"), row("c", "live")] });
    const counts = Object.fromEntries((await mirror.counts()).map(({ slot, rows }) => [slot, rows]));
    expect(counts).toEqual({ 0: 3, 63: -2, 7: 1 });
    expect(await mirror.rows()).toBe(2);
  });

  it("writes no count where the number of rows stayed the same", async () => {
    const mirror = await startPlanted();
    await mirror.apply({ slot: 5, upserts: [row("a", "live"), row("d", "live")], deletions: ["b"] });
    expect((await mirror.counts()).map(({ slot }) => slot)).toEqual([0]);
  });

  it("never writes the state document", async () => {
    const mirror = await startPlanted();
    const before = await mirror.state();
    await mirror.apply({ upserts: [row("a", "live")], deletions: ["b"] });
    expect(await mirror.state()).toEqual(before);
  });

  it.each([
    ["a key twice among the upserts", { upserts: [row("x", "live"), row("x", "planted")] }],
    ["a key twice among the deletions", { deletions: ["x", "x"] }],
    ["a key among both", { upserts: [row("x", "live")], deletions: ["x"] }],
    ["slot 64", { slot: 64 }],
    ["slot -1", { slot: -1 }],
    ["slot 0.5", { slot: 0.5 }],
    ["slot NaN", { slot: NaN }],
    ["too many rows", { deletions: Array.from({ length: LIMITS.batchRows + 1 }, (_, n) => `${n}`) }],
  ])("is refused with %s", async (_case, batch) => {
    const mirror = startTestDeployment();
    await mirror.begin();
    await expectRefusal(mirror.apply(batch), "BAD_REQUEST");
    expect(await mirror.documents()).toEqual([]);
  });

  it("is nothing when empty", async () => {
    const mirror = await startPlanted();
    expect(await mirror.apply({})).toEqual(NOTHING);
  });

  it("invariant 9: of the greatest size needs fewer than the 4,096 index ranges of a transaction", async () => {
    const mirror = await startPlanted();
    for (const key of ["a", "b", "c"]) await mirror.wipe(mirror.idOf(key));
    // The dearest row there is: changed, and its document is gone.
    const upserts = ["a", "b", "c"].map((key) => row(key, "live"));
    const batch = { ...wholeBatch, upserts: [...upserts, row("d", "live")] };
    const calls = await callsOf(mirror, batch, { ...NOTHING, inserted: 4 });
    // By Convex's count a look-up is one range, and so is every get, replace, patch or delete by id; an
    // insert is none.
    const ranges = calls.filter((call) => /^(query|get|replace|patch|delete) /.test(call));
    const ofState = ranges.filter((call) => /Mirrors|Counts/.test(call)).length;
    const rangesPerRow = (ranges.length - ofState - 1) / 3; // d, which is new, needs one
    expect(rangesPerRow).toBe(4);
    expect(LIMITS.batchRows * rangesPerRow + ofState).toBeLessThanOrEqual(4_096);
  });
});

describe("invariant 7: a row that Convex refuses", () => {
  const bad = (document: Record<string, unknown>) => ({ key: "bad", hash: "h", document });

  it("takes the whole batch back with it, and is named", async () => {
    const mirror = await startPlanted();
    const before = [await mirror.documents(), await mirror.ledger(), await mirror.counts()];
    const upserts = [row("a", "live"), row("d", "live"), bad({ id: "bad", status: 7 }), row("e", "live")];
    const data = await refusalOf(mirror.apply({ upserts, deletions: ["b"] }));
    expect(data).toMatchObject({ code: "ROW_FAILED", key: "bad" });
    expect([await mirror.documents(), await mirror.ledger(), await mirror.counts()]).toEqual(before);
  });

  it.each([
    ["a field of the wrong type", { status: 7 }, 'The schema refuses the type of field "status".'],
    ["a field that the schema lacks", { colour: "red" }, 'The schema has no field "colour".'],
  ])("for %s says so, and quotes no value", async (_case, fields, reason) => {
    const mirror = await startPlanted();
    const data = await refusalOf(mirror.apply({ upserts: [bad({ comments: "secret value", ...fields })] }));
    expect(data["reason"]).toBe(reason);
    expect(JSON.stringify(data)).not.toMatch(/secret value|red|7/);
  });

  it("is refused as an update as well", async () => {
    const mirror = await startPlanted();
    const data = await refusalOf(mirror.apply({ upserts: [{ ...bad({ status: 7 }), key: "a" }] }));
    expect(data).toMatchObject({ code: "ROW_FAILED", key: "a" });
    expect(await mirror.statuses()).toMatchObject({ a: "planted" });
  });
});
