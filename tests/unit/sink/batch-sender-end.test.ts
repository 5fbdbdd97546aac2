import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { keys, row, shapes, startBatchSender } from "../../support/batch-sender-fixture.js";

describe("the end", () => {
  test("of an interrupted run: nothing new is sent, what is in flight settles and counts", async () => {
    const controller = new AbortController();
    const { convex, clock, sender, settled } = startBatchSender({
      signal: controller.signal,
      maxInFlight: 2,
      maxBatchRows: 1,
    });
    for (const key of keys(3)) await sender.upsert(row(key));
    controller.abort();
    await expect(clock.run(sender.drain())).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(shapes(convex)).toEqual([["k0"], ["k1"]]);
    expect(sender.counts.inserted).toBe(2);
    expect(settled).toEqual(["k0", "k1"]);
    await expect(sender.upsert(row("later"))).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(convex.batches).toHaveLength(2);
  });

  test("of an interrupted run does not wait for a backoff to pass", async () => {
    const controller = new AbortController();
    const { convex, clock, sender } = startBatchSender({ signal: controller.signal });
    convex.script.push("pushedBack");
    await sender.upsert(row("a"));
    clock.after(300, () => controller.abort());
    await expect(clock.run(sender.drain())).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(clock.now()).toBe(300);
  });

  test("of a run whose signal carries a reason of its own", async () => {
    const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
    const { sender } = startBatchSender({ signal: AbortSignal.abort(lost) });
    await expect(sender.upsert(row("a"))).rejects.toBe(lost);
  });

  test("of a run whose lease may be over: not one more call", async () => {
    const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
    const { convex, send } = startBatchSender({
      ensureLease: () => Promise.reject(lost),
    });
    await expect(send(row("a"))).rejects.toBe(lost);
    expect(convex.batches).toEqual([]);
  });

  test("whatever rejects first, nothing of the sender is under way any more", async () => {
    const { convex, clock, sender } = startBatchSender({ maxInFlight: 4, maxBatchRows: 1, maxAttempts: 1 });
    convex.script.push("pushedBack");
    let underWay = -1;
    const work = (async () => {
      for (const key of keys(30)) await sender.upsert(row(key));
    })().catch((error: unknown) => {
      underWay = convex.inFlight;
      throw error;
    });
    await expect(clock.run(work)).rejects.toMatchObject({ code: "DEPLOYMENT_FAILED" });
    expect(underWay).toBe(0);
  });

  test("the abort signal is left alone once nothing is under way", async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => void (listeners++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => void (listeners--, remove(...args));
    const { send } = startBatchSender({ signal });
    await send(...keys(9).map((key) => row(key)));
    expect(listeners).toBe(0);
  });
});
