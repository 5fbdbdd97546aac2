import { describe, expect, test } from "vitest";
import { WritePacer } from "../../../src/sink/write-pacer.js";
import { WriteEstimate } from "../../../src/sink/write-estimate.js";
import { keys, row, startBatchSender } from "../../support/batch-sender-fixture.js";
import { idle, VirtualClock } from "../../support/virtual-clock.js";

describe("calls in flight", () => {
  test("are at most as many as asked for, each in a slot of its own", async () => {
    const { convex, send } = startBatchSender({ maxInFlight: 3 });
    await send(...keys(40).map((key) => row(key)));
    expect(convex.mostInFlight).toBe(3);
    expect(new Set(convex.batches.map((batch) => batch.slot))).toEqual(new Set([0, 1, 2]));
    expect(convex.violations).toEqual([]);
  });

  test("hold the caller back: rows taken in are bounded", async () => {
    const { sender, clock } = startBatchSender({ maxInFlight: 2, maxBatchRows: 1 });
    let taken = 0;
    const work = (async () => {
      for (const key of keys(50)) {
        await sender.upsert(row(key));
        taken += 1;
      }
      await sender.drain();
    })();
    await idle();
    expect(taken).toBe(3); // two in flight and two prepared, the last of which has not been taken in yet
    await clock.run(work);
    expect(taken).toBe(50);
  });

  test("become fewer when Convex pushes back", async () => {
    const { convex, send } = startBatchSender({ maxInFlight: 4, maxBatchRows: 1 });
    convex.script.push("pushedBack", "pushedBack", "pushedBack", "pushedBack");
    await send(...keys(4).map((key) => row(key)));
    convex.mostInFlight = 0;
    await send(...keys(4).map((key) => row(`again ${key}`)));
    expect(convex.mostInFlight).toBe(1);
  });

  test("become more again when calls succeed", async () => {
    const { convex, send } = startBatchSender({ maxInFlight: 2, maxBatchRows: 1 });
    convex.script.push("pushedBack", "pushedBack");
    await send(...keys(2).map((key) => row(key)));
    convex.mostInFlight = 0;
    await send(...keys(10).map((key) => row(`again ${key}`)));
    expect(convex.mostInFlight).toBe(2);
  });

  test("never need more slots than the protocol has", async () => {
    const { convex, send } = startBatchSender({ maxInFlight: 1_000, maxBatchRows: 1 });
    await send(...keys(100).map((key) => row(key)));
    expect(convex.mostInFlight).toBe(64);
  });

  test("are spaced by the pacer", async () => {
    const clock = new VirtualClock();
    const pacer = new WritePacer(34_000, clock);
    const begunAt: number[] = [];
    const ensureLease = () => Promise.resolve(void begunAt.push(clock.now()));
    const { sender } = startBatchSender({ pacer, maxBatchRows: 1, ensureLease }, clock);
    const beside = new WriteEstimate([]).upsert(row("k0", "h", 0));
    const work = async () => {
      for (const key of keys(4)) await sender.upsert(row(key, "h", 3_400 - beside));
      await sender.drain();
    };
    await clock.run(work());
    expect(begunAt).toEqual([0, 100, 200, 300]);
  });
});
