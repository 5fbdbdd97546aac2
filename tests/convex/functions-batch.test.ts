import { describe, expect, it } from "vitest";
import { LIMITS } from "../../convex/datahubSync/protocol.js";
import { callsOf, NOTHING, startPlanted } from "./planted-mirror.js";
import { expectRefusal, refusalOf, row, startTestDeployment } from "./test-deployment.js";

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
    const batch = { upserts: [...upserts, row("d", "live")] };
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
