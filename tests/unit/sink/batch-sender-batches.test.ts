import { describe, expect, test } from "vitest";
import { WritePacer } from "../../../src/sink/write-pacer.js";
import { keys, row, shapes, startBatchSender, TOKEN } from "../../support/batch-sender-fixture.js";
import { VirtualClock } from "../../support/virtual-clock.js";

describe("batches", () => {
  test("are cut by count", async () => {
    const { convex, send, sender, settled } = startBatchSender();
    await send(...keys(5).map((key) => row(key)));
    expect(shapes(convex)).toEqual([["k0", "k1"], ["k2", "k3"], ["k4"]]);
    expect(sender.counts).toMatchObject({ inserted: 5, refused: 0 });
    expect(settled).toEqual(keys(5));
  });

  test("are cut by bytes, the sync's own writes included; a row above the limit goes alone", async () => {
    const { convex, send } = startBatchSender({ maxBatchRows: 100, maxBatchBytes: 10_000 });
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
    const { convex, send } = startBatchSender({ maxBatchRows: 1e9, maxBatchBytes: 1e9 });
    await send(...keys(1_200).map((key) => row(key)), ...keys(4).map((n) => row(`large ${n}`, "h", 900_000)));
    expect(convex.batches.map((batch) => batch.upserts.length)).toEqual([1_000, 202, 2]);
  });

  test("stay small enough for the pacer", async () => {
    const clock = new VirtualClock();
    const pacer = new WritePacer(34_000, clock); // at most 6,000 at once
    const { convex, send } = startBatchSender({ maxBatchRows: 100, pacer }, clock);
    await send(...keys(6).map((key) => row(key, "h", 2_000)));
    expect(convex.batches.map((batch) => batch.upserts.length)).toEqual([2, 2, 2]);
  });

  test("force all of their upserts, or none", async () => {
    const { convex, sender, clock } = startBatchSender({ maxBatchRows: 100 });
    const forced = (key: string) => sender.upsert(row(key), { force: true });
    const work = async () => {
      await sender.remove("gone");
      await forced("a");
      await forced("b");
      await sender.upsert(row("c"));
      await sender.remove("gone, too");
      await sender.upsert(row("d"));
      await forced("e");
      await sender.drain();
    };
    await clock.run(work());
    expect(shapes(convex)).toEqual([["a", "b", "-gone"], ["c", "d", "-gone, too"], ["e"]]);
    expect(convex.batches.map(({ force }) => force)).toEqual([true, false, true]);
  });

  test("hold upserts, deletions and orphans of different keys together", async () => {
    const { convex, sender, clock } = startBatchSender({ maxBatchRows: 3 });
    const work = async () => {
      await sender.upsert(row("a"), { force: true });
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
        upserts: [{ key: "a", hash: "hash of a", json: "{}" }],
        deletions: ["b"],
        orphans: ["document 1"],
      },
    ]);
    expect(sender.counts).toMatchObject({ inserted: 1, absent: 1 });
  });

  test("nothing handed over, nothing sent", async () => {
    const { convex, sender } = startBatchSender();
    await sender.drain();
    expect(convex.batches).toEqual([]);
  });
});

describe("the same key twice", () => {
  test("waits until the first is acknowledged, in the order it was handed over", async () => {
    const { convex, sender, clock } = startBatchSender({ maxBatchRows: 10 });
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
    const { convex, sender, clock } = startBatchSender({ maxBatchRows: 10 });
    const work = async () => {
      await sender.upsert(row("a"));
      await sender.removeOrphan("a");
      await sender.drain();
    };
    await clock.run(work());
    expect(convex.batches).toHaveLength(1);
  });
});
