import { describe, expect, test } from "vitest";
import { SyncError } from "../../src/errors.js";
import { BatchSender, type BatchSenderOptions } from "../../src/sink/batch-sender.js";
import { WritePacer } from "../../src/sink/write-pacer.js";
import { ModelConvex } from "../support/model-convex.js";
import { VirtualClock } from "../support/virtual-clock.js";

const TOKEN = { table: "poles", epoch: 3n, nonce: "run", fence: 0n };
const row = (key: string, hash = `hash of ${key}`, bytes = 100) => ({ key, hash, bytes, document: {} });
const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

/** A sender to a model of Convex without jitter: a wait is the shortest that the backoff allows. */
function start(options: Partial<BatchSenderOptions> = {}, clock = new VirtualClock()) {
  clock.random = () => 0;
  const convex = new ModelConvex(clock, { ...TOKEN });
  const refused: string[] = [];
  const settled: string[] = [];
  const sender = new BatchSender({
    sink: convex.sink,
    token: TOKEN,
    clock,
    maxBatchRows: 2,
    onRowRefused: (key, { code }) => {
      refused.push(`${key}: ${code}`);
      return Promise.resolve();
    },
    onSettled: (done) => settled.push(...done),
    ...options,
  });
  /** Hands rows over and drains, while time passes. */
  const send = (...rows: ReturnType<typeof row>[]) =>
    clock.run(
      (async () => {
        for (const each of rows) await sender.upsert(each);
        await sender.drain();
      })(),
    );
  return { clock, convex, sender, send, refused, settled };
}

const shapes = (convex: ModelConvex) =>
  convex.batches.map(({ upserts, deletions }) => [
    ...upserts.map((u) => u.key),
    ...deletions.map((k) => `-${k}`),
  ]);

describe("batches", () => {
  test("are cut by count", async () => {
    const { convex, send, sender, settled } = start();
    await send(...keys(5).map((key) => row(key)));
    expect(shapes(convex)).toEqual([["k0", "k1"], ["k2", "k3"], ["k4"]]);
    expect(sender.counts).toMatchObject({ inserted: 5, refused: 0 });
    expect(settled).toEqual(keys(5));
  });

  test("are cut by bytes, the sync's own writes included; a row above the limit goes alone", async () => {
    const { convex, send } = start({ maxBatchRows: 100, maxBatchBytes: 10_000 });
    await send(
      row("a", "h", 4_000),
      row("b", "h", 4_000),
      row("c", "h", 2_000),
      row("d", "h", 50_000),
      row("e"),
    );
    expect(shapes(convex)).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
  });

  test("never grow past what Convex takes, whatever is asked for", async () => {
    const { convex, send } = start({ maxBatchRows: 1e9, maxBatchBytes: 1e9 });
    await send(...keys(1_200).map((key) => row(key)), ...keys(4).map((n) => row(`large ${n}`, "h", 900_000)));
    expect(convex.batches.map((batch) => batch.upserts.length)).toEqual([1_000, 202, 2]);
  });

  test("stay small enough for the pacer", async () => {
    const { convex, send } = start({
      maxBatchRows: 100,
      pacer: new WritePacer(34_000, new VirtualClock()), // at most 6,000 at once
    });
    await send(...keys(6).map((key) => row(key, "h", 2_000)));
    expect(convex.batches.map((batch) => batch.upserts.length)).toEqual([2, 2, 2]);
  });

  test("hold upserts, deletions and orphans of different keys together", async () => {
    const { convex, sender, clock } = start({ maxBatchRows: 3, force: true });
    const work = async () => {
      await sender.upsert(row("a"));
      await sender.remove("b");
      await sender.removeOrphan("document 1");
      await sender.drain();
    };
    await clock.run(work());
    expect(convex.batches).toEqual([
      {
        ...TOKEN,
        slot: 0,
        force: true,
        upserts: [{ key: "a", hash: "hash of a", document: {} }],
        deletions: ["b"],
        orphans: ["document 1"],
      },
    ]);
    expect(sender.counts).toMatchObject({ inserted: 1, absent: 1 });
  });

  test("nothing handed over, nothing sent", async () => {
    const { convex, sender } = start();
    await sender.drain();
    expect(convex.batches).toEqual([]);
  });
});

describe("the same key twice", () => {
  test("waits until the first is acknowledged, in the order it was handed over", async () => {
    const { convex, sender, clock } = start({ maxBatchRows: 10 });
    const work = async () => {
      await sender.upsert(row("a", "1"));
      await sender.remove("a");
      await sender.upsert(row("a", "2"));
      await sender.upsert(row("b"));
      await sender.drain();
    };
    await clock.run(work());
    expect(shapes(convex)).toEqual([["a"], ["-a"], ["a", "b"]]);
    expect(convex.mostInFlight).toBe(1);
    expect(convex.rows.get("a")).toBe("2");
    expect(sender.counts).toMatchObject({ inserted: 3, deleted: 1 });
  });

  test("an orphan's id and a row's key are not the same", async () => {
    const { convex, sender, clock } = start({ maxBatchRows: 10 });
    const work = async () => {
      await sender.upsert(row("a"));
      await sender.removeOrphan("a");
      await sender.drain();
    };
    await clock.run(work());
    expect(convex.batches).toHaveLength(1);
  });
});

describe("calls in flight", () => {
  test("are at most as many as asked for, each in a slot of its own", async () => {
    const { convex, send } = start({ maxInFlight: 3 });
    await send(...keys(40).map((key) => row(key)));
    expect(convex.mostInFlight).toBe(3);
    expect(new Set(convex.batches.map((batch) => batch.slot))).toEqual(new Set([0, 1, 2]));
    expect(convex.violations).toEqual([]);
  });

  test("hold the caller back: rows taken in are bounded", async () => {
    const { sender, clock } = start({ maxInFlight: 2, maxBatchRows: 1 });
    let taken = 0;
    const work = (async () => {
      for (const key of keys(50)) {
        await sender.upsert(row(key));
        taken += 1;
      }
      await sender.drain();
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(3); // two in flight and two prepared, the last of which has not been taken in yet
    await clock.run(work);
    expect(taken).toBe(50);
  });

  test("become fewer when Convex pushes back", async () => {
    const { convex, send } = start({ maxInFlight: 4, maxBatchRows: 1 });
    convex.script.push("pushedBack", "pushedBack", "pushedBack", "pushedBack");
    await send(...keys(4).map((key) => row(key)));
    convex.mostInFlight = 0;
    await send(...keys(4).map((key) => row(`again ${key}`)));
    expect(convex.mostInFlight).toBe(1);
  });

  test("become more again when calls succeed", async () => {
    const { convex, send } = start({ maxInFlight: 2, maxBatchRows: 1 });
    convex.script.push("pushedBack", "pushedBack");
    await send(...keys(2).map((key) => row(key)));
    convex.mostInFlight = 0;
    await send(...keys(10).map((key) => row(`again ${key}`)));
    expect(convex.mostInFlight).toBe(2);
  });

  test("never need more slots than the protocol has", async () => {
    const { convex, send } = start({ maxInFlight: 1_000, maxBatchRows: 1 });
    await send(...keys(100).map((key) => row(key)));
    expect(convex.mostInFlight).toBe(64);
  });

  test("are spaced by the pacer", async () => {
    const clock = new VirtualClock();
    const pacer = new WritePacer(34_000, clock);
    const { convex, sender } = start({ pacer, maxBatchRows: 1 }, clock);
    const work = async () => {
      for (const key of keys(4)) await sender.upsert(row(key, "h", 3_400 - 512 - 2 * key.length));
      await sender.drain();
    };
    await clock.run(work());
    expect(convex.batches).toHaveLength(4);
    expect(clock.sleeps).toEqual([100, 200, 300]);
  });
});

describe("a call that fails", () => {
  test("before a commit is repeated as it is", async () => {
    const { convex, send, sender, clock } = start();
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
      const { convex, send, sender, clock } = start();
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
    const { convex, sender, clock } = start({ maxBatchRows: 1 });
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
    const { convex, send, sender } = start({ maxInFlight: 4, maxBatchRows: 1 });
    convex.script.push("lost", "lost", "lost", "lost");
    await send(...keys(4).map((key) => row(key)));
    expect(sender.token.fence).toBe(1n);
    expect(convex.violations).toEqual([]);
  });

  test("behind a fence that another call's rotation had raised is told by that fence", async () => {
    const { convex, sender, clock } = start({ maxBatchRows: 1 });
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
    const { convex, send, sender } = start();
    convex.script.push("lost", "unheard", "late", "pushedBack");
    await send(row("a"));
    expect(sender.token.fence).toBe(1n);
    expect(convex.rows.get("a")).toBe("hash of a");
  });

  test("as often as there are attempts ends the run", async () => {
    const { convex, send } = start({ maxAttempts: 3 });
    convex.script.push(...Array.from({ length: 3 }, () => "pushedBack" as const));
    await expect(send(row("a"))).rejects.toMatchObject({ code: "DEPLOYMENT_FAILED", table: "poles" });
    expect(convex.batches).toHaveLength(3);
  });

  test("is not repeated after the deadline", async () => {
    const { convex, send } = start({ deadlineAt: 1_100 });
    convex.script.push("pushedBack", "pushedBack");
    await expect(send(row("a"))).rejects.toMatchObject({ code: "DEPLOYMENT_FAILED" });
    expect(convex.batches).toHaveLength(2);
  });

  test("for a token that is not the mirror's ends the run: another one has begun", async () => {
    const { convex, send, settled } = start();
    convex.token.epoch = 4n;
    await expect(send(row("a"))).rejects.toMatchObject({ code: "LEASE_LOST", table: "poles" });
    expect(convex.rows.size).toBe(0);
    expect(settled).toEqual([]);
  });
});

describe("a batch that Convex refuses", () => {
  test("is cut in half down to the row at fault, which is set aside; the others are written", async () => {
    const { convex, send, sender, refused, settled } = start({ maxBatchRows: 8 });
    convex.refusesHash = (hash) => hash === "hash of k5";
    await send(...keys(8).map((key) => row(key)));
    expect(refused).toEqual(["k5: ROW_FAILED"]);
    expect(sender.counts).toMatchObject({ inserted: 7, refused: 1 });
    expect([...convex.rows.keys()].sort()).toEqual(keys(8).filter((key) => key !== "k5"));
    expect(settled.sort()).toEqual(keys(8));
    expect(convex.batches).toHaveLength(7); // 8, 4, 4, 2, 1, 1, 2
  });

  test("for its size passes in smaller ones, and nothing is set aside", async () => {
    const { convex, send, sender, refused } = start({ maxBatchRows: 100 });
    convex.maxUpserts = 10;
    await send(...keys(100).map((key) => row(key)));
    expect(sender.counts.inserted).toBe(100);
    expect(refused).toEqual([]);
  });

  test("because a deletion fails ends the run: the mirror would keep what it must not show", async () => {
    const { convex, sender, clock } = start();
    convex.refusesDeletions = true;
    await sender.remove("a");
    await expect(clock.run(sender.drain())).rejects.toMatchObject({
      code: "DEPLOYMENT_FAILED",
      table: "poles",
    });
  });

  test("row after row looks systemic: the run stops before the table is set aside", async () => {
    const { convex, send, refused } = start({ maxBatchRows: 100 });
    convex.refusesHash = () => true;
    await expect(send(...keys(300).map((key) => row(key)))).rejects.toMatchObject({
      code: "SYSTEMIC_REFUSAL",
    });
    expect(refused).toHaveLength(19);
  });

  test("now and then, among rows that are accepted, does not", async () => {
    const { convex, send, sender } = start({ maxBatchRows: 50 });
    convex.refusesHash = (hash) => hash.endsWith("7"); // one in ten
    await send(...keys(400).map((key) => row(key)));
    expect(sender.counts).toMatchObject({ inserted: 360, refused: 40 });
  });

  test("and a row that could not be recorded ends the run", async () => {
    const failure = new SyncError({ code: "DATABASE_FAILED", message: "gone", remedy: "none" });
    const { convex, send } = start({ onRowRefused: () => Promise.reject(failure) });
    convex.refusesHash = () => true;
    await expect(send(row("a"))).rejects.toBe(failure);
  });
});

describe("rows that are refused before they are sent", () => {
  test("are recorded and counted like those that Convex refuses", async () => {
    const { sender, refused } = start();
    await sender.refuse("a", { code: "TOO_DEEP", message: "Nested too deeply." });
    expect(refused).toEqual(["a: TOO_DEEP"]);
    expect(sender.counts.refused).toBe(1);
  });

  test("look systemic when there are too many", async () => {
    const { sender, convex } = start({ refusalLimits: { maxBeforeFirstAccepted: 3 } });
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

describe("the end", () => {
  test("of an interrupted run: nothing new is sent, what is in flight settles and counts", async () => {
    const controller = new AbortController();
    const { convex, clock, sender, settled } = start({
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
    const { convex, clock, sender } = start({ signal: controller.signal });
    convex.script.push("pushedBack");
    await sender.upsert(row("a"));
    clock.after(300, () => controller.abort());
    await expect(clock.run(sender.drain())).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(clock.now()).toBe(300);
  });

  test("of a run whose signal carries a reason of its own", async () => {
    const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
    const { sender } = start({ signal: AbortSignal.abort(lost) });
    await expect(sender.upsert(row("a"))).rejects.toBe(lost);
  });

  test("of a run whose lease may be over: not one more call", async () => {
    const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
    const { convex, send } = start({
      ensureLease: () => Promise.reject(lost),
    });
    await expect(send(row("a"))).rejects.toBe(lost);
    expect(convex.batches).toEqual([]);
  });

  test("whatever rejects first, nothing of the sender is under way any more", async () => {
    const { convex, clock, sender } = start({ maxInFlight: 4, maxBatchRows: 1, maxAttempts: 1 });
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
    const { send } = start({ signal });
    await send(...keys(9).map((key) => row(key)));
    expect(listeners).toBe(0);
  });
});
