import { describe, expect, test } from "vitest";
import { keys, row, startBatchSender, TOKEN } from "../../support/batch-sender-fixture.js";

describe("a call that fails", () => {
  test("before a commit is repeated as it is", async () => {
    const { convex, send, sender, clock } = startBatchSender();
    convex.script.push("pushedBack", "pushedBack");
    await send(row("a"));
    expect(clock.sleeps).toEqual([1_000, 1_000]);
    expect(convex.batches.map((batch) => batch.fence)).toEqual([0n, 0n, 0n]);
    expect(sender.token.fence).toBe(0n);
    expect(convex.meters.retries).toBe(2);
  });

  test.each(["lost", "unheard", "late"] as const)(
    "with an unknown outcome is repeated behind a new fence: %s",
    async (fault) => {
      const { convex, send, sender, clock } = startBatchSender();
      convex.script.push(fault);
      await send(row("a", "1"));
      expect(convex.batches.map((batch) => batch.fence)).toEqual([0n, 1n]);
      expect(sender.token).toEqual({ ...TOKEN, fence: 1n });
      const { inserted, unchanged } = sender.counts;
      expect(inserted + unchanged).toBe(1);
      await clock.runOut();
      expect(convex.rows).toEqual(new Map([["a", "1"]]));
    },
  );

  test("a late duplicate neither overwrites a newer value nor brings a deleted row back", async () => {
    const { convex, sender, clock } = startBatchSender({ maxBatchRows: 1 });
    clock.random = () => 0.9; // the duplicates arrive after 108 s
    convex.script.push("late", "none", "none", "late");
    const work = async () => {
      await sender.upsert(row("a", "old"));
      await sender.upsert(row("a", "new"));
      await sender.upsert(row("ghost"));
      await sender.remove("ghost");
      await sender.drain();
    };
    await clock.run(work());
    expect(clock.now()).toBeLessThan(108_000);
    await clock.runOut();
    expect(convex.late).toEqual({ refused: 2, applied: 0 });
    expect(convex.rows).toEqual(new Map([["a", "new"]]));
  });

  test("several unknown outcomes of one fence need one rotation, and it waits for all in flight", async () => {
    const { convex, send, sender } = startBatchSender({ maxInFlight: 4, maxBatchRows: 1 });
    convex.script.push("lost", "lost", "lost", "lost");
    await send(...keys(4).map((key) => row(key)));
    expect(sender.token.fence).toBe(1n);
    expect(convex.violations).toEqual([]);
  });

  test("behind a fence that another call's rotation had raised is told by that fence", async () => {
    const { convex, sender, clock } = startBatchSender({ maxBatchRows: 1 });
    clock.random = () => 0.9; // each call takes 181 ms, the first wait 1,900 ms
    convex.script.push("lost", "none", "late"); // the first call, the rotation, and the call that came meanwhile
    const work = async () => {
      await sender.upsert(row("a"));
      await clock.sleep(181 + 1_900 + 100);
      await sender.upsert(row("b", "old"));
      await sender.upsert(row("b", "new"));
      await sender.drain();
    };
    await clock.run(work());
    await clock.runOut();
    expect(convex.late).toEqual({ refused: 1, applied: 0 });
    expect(convex.violations).toEqual([]);
    expect(sender.token.fence).toBe(2n);
  });

  test("the rotation itself may fail and be repeated", async () => {
    const { convex, send, sender } = startBatchSender();
    convex.script.push("lost", "unheard", "late", "pushedBack");
    await send(row("a"));
    expect(sender.token.fence).toBe(1n);
    expect(convex.rows.get("a")).toBe("hash of a");
  });

  test("as often as there are attempts ends the run", async () => {
    const { convex, send } = startBatchSender({ maxAttempts: 3 });
    convex.script.push(...Array.from({ length: 3 }, () => "pushedBack" as const));
    await expect(send(row("a"))).rejects.toMatchObject({ code: "DEPLOYMENT_FAILED", table: "poles" });
    expect(convex.batches).toHaveLength(3);
  });

  test("is not repeated after the deadline", async () => {
    const { convex, send } = startBatchSender({ deadlineAt: 1_100 });
    convex.script.push("pushedBack", "pushedBack");
    await expect(send(row("a"))).rejects.toMatchObject({ code: "DEPLOYMENT_FAILED" });
    expect(convex.batches).toHaveLength(2);
  });

  test("for a token that is not the mirror's ends the run: another one has begun", async () => {
    const { convex, send, settled } = startBatchSender();
    convex.token.epoch = 4n;
    await expect(send(row("a"))).rejects.toMatchObject({ code: "LEASE_LOST", table: "poles" });
    expect(convex.rows.size).toBe(0);
    expect(settled).toEqual([]);
  });
});
