import { describe, expect, it } from "vitest";
import { NOTHING, startPlanted } from "./planted-mirror.js";

describe("deletions", () => {
  it("delete the document and its ledger entry", async () => {
    const mirror = await startPlanted();
    expect(await mirror.apply({ deletions: ["b"] })).toEqual({ ...NOTHING, deleted: 1 });
    expect(await mirror.statuses()).toEqual({ a: "planted", c: "planted" });
    expect((await mirror.ledger()).map(({ k }) => k)).toEqual(["a", "c"]);
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
