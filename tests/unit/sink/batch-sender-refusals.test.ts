import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { keys, row, startBatchSender } from "../../support/batch-sender-fixture.js";

describe("a batch that Convex refuses", () => {
  test("is cut in half down to the row at fault, which is set aside; the others are written", async () => {
    const { convex, send, sender, refused, settled } = startBatchSender({ maxBatchRows: 8 });
    convex.refusesHash = (hash) => hash === "hash of k5";
    await send(...keys(8).map((key) => row(key)));
    expect(refused).toEqual(["k5: ROW_FAILED"]);
    expect(sender.counts).toMatchObject({ inserted: 7, refused: 1 });
    expect([...convex.rows.keys()].sort()).toEqual(keys(8).filter((key) => key !== "k5"));
    expect(settled.sort()).toEqual(keys(8));
    expect(convex.batches).toHaveLength(7); // 8, 4, 4, 2, 1, 1, 2
  });

  test("for its size passes in smaller ones, and nothing is set aside", async () => {
    const { convex, send, sender, refused } = startBatchSender({ maxBatchRows: 100 });
    convex.maxUpserts = 10;
    await send(...keys(100).map((key) => row(key)));
    expect(sender.counts.inserted).toBe(100);
    expect(refused).toEqual([]);
  });

  test("because a deletion fails ends the run: the mirror would keep what it must not show", async () => {
    const { convex, sender, clock } = startBatchSender();
    convex.refusesDeletions = true;
    await sender.remove("a");
    await expect(clock.run(sender.drain())).rejects.toMatchObject({
      code: "DEPLOYMENT_FAILED",
      table: "poles",
    });
  });

  test("row after row looks systemic: the run stops before the table is set aside", async () => {
    const { convex, send, refused } = startBatchSender({ maxBatchRows: 100 });
    convex.refusesHash = () => true;
    await expect(send(...keys(300).map((key) => row(key)))).rejects.toMatchObject({
      code: "SYSTEMIC_REFUSAL",
    });
    expect(refused).toHaveLength(19);
  });

  test("now and then, among rows that are accepted, does not", async () => {
    const { convex, send, sender } = startBatchSender({ maxBatchRows: 50 });
    convex.refusesHash = (hash) => hash.endsWith("7"); // one in ten
    await send(...keys(400).map((key) => row(key)));
    expect(sender.counts).toMatchObject({ inserted: 360, refused: 40 });
  });

  test("and a row that could not be recorded ends the run", async () => {
    const failure = new SyncError({ code: "DATABASE_FAILED", message: "gone", remedy: "none" });
    const { convex, send } = startBatchSender({ onRowRefused: () => Promise.reject(failure) });
    convex.refusesHash = () => true;
    await expect(send(row("a"))).rejects.toBe(failure);
  });
});

describe("rows that are refused before they are sent", () => {
  test("are recorded and counted like those that Convex refuses", async () => {
    const { sender, refused } = startBatchSender();
    await sender.refuse("a", { code: "TOO_DEEP", message: "Nested too deeply." });
    expect(refused).toEqual(["a: TOO_DEEP"]);
    expect(sender.counts.refused).toBe(1);
  });

  test("look systemic when there are too many", async () => {
    const { sender, convex } = startBatchSender({ refusalLimits: { maxBeforeFirstAccepted: 3 } });
    const refuse = () => sender.refuse("a", { code: "TOO_DEEP", message: "Nested too deeply." });
    await refuse();
    await refuse();
    await expect(refuse()).rejects.toMatchObject({ code: "SYSTEMIC_REFUSAL" });
    await expect(sender.upsert(row("b")), "nothing is sent any more").rejects.toMatchObject({
      code: "SYSTEMIC_REFUSAL",
    });
    await expect(sender.drain()).rejects.toMatchObject({ code: "SYSTEMIC_REFUSAL" });
    expect(convex.batches).toEqual([]);
  });
});
