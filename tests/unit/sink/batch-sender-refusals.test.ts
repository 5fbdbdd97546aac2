import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { keys, row, shapes, startBatchSender } from "../../support/batch-sender-fixture.js";

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

  test("and a row that could not be recorded ends the run", async () => {
    const failure = new SyncError({ code: "DATABASE_FAILED", message: "gone", remedy: "none" });
    const { convex, send } = startBatchSender({ onRowRefused: () => Promise.reject(failure) });
    convex.refusesHash = () => true;
    await expect(send(row("a"))).rejects.toBe(failure);
  });
});

test("stopped by its owner, it lets what is in flight finish and sends nothing any more", async () => {
  const failure = new SyncError({ code: "DATABASE_FAILED", message: "gone", remedy: "none" });
  const { convex, sender, clock } = startBatchSender({ maxBatchRows: 1, maxInFlight: 1 });
  const work = async () => {
    await sender.upsert(row("a"));
    await sender.upsert(row("b"));
    await sender.stop(failure);
  };
  await clock.run(work());
  expect(convex.inFlight).toBe(0);
  expect(shapes(convex)).toEqual([["a"], ["b"]]);
  await expect(sender.upsert(row("c"))).rejects.toBe(failure);
  await expect(sender.drain()).rejects.toBe(failure);
});
