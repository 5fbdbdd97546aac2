import { describe, expect, it } from "vitest";
import { mirrorNumber } from "../../convex/datahubSync/mirrorNumber.js";
import { callsOf, NOTHING, startPlanted } from "./planted-mirror.js";
import { row, TABLE } from "./test-deployment.js";

describe("upserts", () => {
  it("inserts new rows: the source's columns and nothing else", async () => {
    const mirror = await startPlanted();
    const { _id, _creationTime, ...fields } = (await mirror.documents())[0]!;
    expect(fields).toEqual({ id: "a", status: "planted" });
    expect((await mirror.ledger())[0]).toMatchObject({
      m: mirrorNumber(TABLE),
      k: "a",
      h: "hash of planted",
      d: _id,
    });
    expect(_creationTime).toBeGreaterThan(0);
    expect(await mirror.rows()).toBe(3);
  });

  it("replaces what changed, in place", async () => {
    const mirror = await startPlanted();
    const result = await mirror.apply({ upserts: [row("a", "live"), row("d", "live")] });
    expect(result).toEqual({ ...NOTHING, updated: 1, inserted: 1 });
    expect(await mirror.statuses()).toEqual({ a: "live", b: "planted", c: "planted", d: "live" });
    const entry = (await mirror.ledger()).find(({ k }) => k === "a");
    expect(entry).toMatchObject({ h: "hash of live", d: mirror.idOf("a") });
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
    const batch = { upserts };
    const used = await callsOf(mirror, batch, { ...NOTHING, unchanged: 3 });
    const lookUp = "query datahubSyncLedger";
    expect(used).toEqual(["query datahubSyncMirrors", lookUp, lookUp, lookUp]);
  });

  it("inserts a document again that was gone, and points the ledger at it", async () => {
    const mirror = await startPlanted();
    await mirror.wipe(mirror.idOf("a"));
    expect(await mirror.apply({ upserts: [row("a", "live")] })).toEqual({ ...NOTHING, inserted: 1 });
    const [document] = (await mirror.documents()).filter(({ id }) => id === "a");
    const entry = (await mirror.ledger()).find(({ k }) => k === "a");
    expect(entry).toMatchObject({ d: document!._id, h: "hash of live" });
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
      await ctx.db.patch("datahubSyncLedger", entry!._id, { d: elsewhere });
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
    const batch = { upserts: [row("a", "planted")], force: true };
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
