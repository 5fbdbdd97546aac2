import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchSender, type RowRefusal } from "../../src/sink/batch-sender.js";
import { ModelConvex, type FaultShares } from "../support/model-convex.js";
import { VirtualClock } from "../support/virtual-clock.js";

/** Few keys and few contents, so that rows are sent again, deleted, brought back and found unchanged. */
const step = fc.record({
  key: fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`),
  /** Null is a deletion; a content of 7 is refused by Convex. */
  content: fc.option(fc.integer({ min: 1, max: 7 }), { freq: 3, nil: null }),
  bytes: fc.integer({ min: 50, max: 3_000 }),
});

const share = fc.integer({ min: 0, max: 20 }).map((percent) => percent / 100);
const faults: fc.Arbitrary<FaultShares> = fc.record({
  pushedBack: share,
  lost: share,
  unheard: share,
  late: share,
});

const scenario = fc.record({
  steps: fc.array(step, { maxLength: 150 }),
  faults,
  seed: fc.nat(),
  maxInFlight: fc.integer({ min: 1, max: 5 }),
  maxBatchRows: fc.integer({ min: 1, max: 12 }),
  maxUpserts: fc.constantFrom(1, 3, Infinity),
  drainEvery: fc.integer({ min: 1, max: 60 }),
});

test("whatever fails, repeats or arrives late: each key ends as it was handed over last, and nothing else is there", async () => {
  let lateRefused = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const clock = new VirtualClock(given.seed);
      const token = { table: "poles", epoch: 3n, nonce: "run", fence: 0n };
      const convex = new ModelConvex(clock, { ...token }, given.faults);
      convex.refusesHash = (hash) => hash === "h7";
      convex.maxUpserts = given.maxUpserts;
      const refused: { key: string; reason: RowRefusal }[] = [];
      let settled = 0;
      const maxBatchBytes = 8_000;
      const sender = new BatchSender({
        sink: convex.sink,
        token,
        clock,
        maxInFlight: given.maxInFlight,
        maxBatchRows: given.maxBatchRows,
        maxBatchBytes,
        maxAttempts: 1_000,
        refusalLimits: { maxBeforeFirstAccepted: Infinity, maxRefused: Infinity },
        onRowRefused: async (key, reason) => void refused.push({ key, reason }),
        onSettled: (keys) => void (settled += keys.length),
      });

      const expected = new Map<string, string>();
      const work = async () => {
        for (const [i, { key, content, bytes }] of given.steps.entries()) {
          if (content === null) {
            await sender.remove(key);
            expected.delete(key);
          } else {
            const hash = `h${content}`;
            await sender.upsert({ key, hash, bytes, document: { content } });
            if (hash !== "h7") expected.set(key, hash);
          }
          if (i % given.drainEvery === 0) await sender.drain();
        }
        await sender.drain();
      };
      await clock.run(work());
      expect(convex.rows).toEqual(expected);
      await clock.runOut();
      expect(convex.rows, "a late duplicate changed something").toEqual(expected);

      expect(convex.violations).toEqual([]);
      expect(convex.mostInFlight).toBeLessThanOrEqual(given.maxInFlight);
      for (const { upserts, deletions, slot } of convex.batches) {
        expect(upserts.length + deletions.length).toBeLessThanOrEqual(given.maxBatchRows);
        expect(slot).toBeLessThan(given.maxInFlight);
      }
      const { inserted, updated, unchanged, deleted, absent } = sender.counts;
      const upserts = given.steps.filter((s) => s.content !== null && s.content !== 7).length;
      const deletions = given.steps.filter((s) => s.content === null).length;
      expect(inserted + updated + unchanged).toBe(upserts);
      expect(deleted + absent).toBe(deletions);
      expect(sender.counts.refused).toBe(refused.length);
      expect(refused.length).toBe(given.steps.filter((s) => s.content === 7).length);
      expect(settled).toBe(given.steps.length);
      expect(sender.token.fence).toBe(convex.token.fence);
      lateRefused += convex.late.refused;
    }),
    { numRuns: 150 },
  );
  expect(lateRefused, "no late duplicate was ever refused: the property tested too little").toBeGreaterThan(
    0,
  );
}, 60_000);
