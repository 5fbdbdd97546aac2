import fc from "fast-check";
import { expect, test } from "vitest";
import type { SyncError } from "../../../src/model/errors.js";
import { BatchSender, type RowRefusal } from "../../../src/sink/batch-sender.js";
import { TOKEN } from "../../support/batch-sender-fixture.js";
import { ModelConvex, type FaultShares } from "../../support/model-convex.js";
import { VirtualClock } from "../../support/virtual-clock.js";

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
  steps: fc.array(step, { maxLength: 150, size: "max" }),
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
      const convex = new ModelConvex(clock, { ...TOKEN }, given.faults);
      convex.refusesHash = (hash) => hash === "h7";
      convex.maxUpserts = given.maxUpserts;
      const refused: { key: string; reason: RowRefusal }[] = [];
      let settled = 0;
      const maxBatchBytes = 8_000;
      const sender = new BatchSender({
        sink: convex.sink,
        token: TOKEN,
        clock,
        maxInFlight: given.maxInFlight,
        maxBatchRows: given.maxBatchRows,
        maxBatchBytes,
        maxAttempts: 1_000,
        onRowRefused: (key, reason) => {
          refused.push({ key, reason });
          return Promise.resolve();
        },
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
            await sender.upsert({ key, hash, bytes, json: JSON.stringify({ content }) });
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
    { numRuns: 300 },
  );
  expect(lateRefused, "no late duplicate was ever refused: the property tested too little").toBeGreaterThan(
    0,
  );
});

test("a run that fails or is interrupted: what was settled stays, and nothing is under way", async () => {
  const ends = new Set<string>();
  const interrupted = fc.record({
    scenario,
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    abortAfterMs: fc.integer({ min: 0, max: 60_000 }),
  });
  await fc.assert(
    fc.asyncProperty(interrupted, async ({ scenario: given, maxAttempts, abortAfterMs }) => {
      const clock = new VirtualClock(given.seed);
      const convex = new ModelConvex(clock, { ...TOKEN }, given.faults);
      const controller = new AbortController();
      clock.after(abortAfterMs, () => controller.abort());
      /** Operations of a key that were handed over and not settled, and what the last one leaves. */
      const waiting = new Map<string, number>();
      const expected = new Map<string, string | undefined>();
      const sender = new BatchSender({
        sink: convex.sink,
        token: TOKEN,
        clock,
        maxAttempts,
        signal: controller.signal,
        maxInFlight: given.maxInFlight,
        maxBatchRows: given.maxBatchRows,
        onRowRefused: () => Promise.reject(new Error("No row of these is bad.")),
        onSettled: (keys) => keys.forEach((key) => waiting.set(key, waiting.get(key)! - 1)),
      });
      const work = async () => {
        for (const { key, content, bytes } of given.steps) {
          waiting.set(key, (waiting.get(key) ?? 0) + 1);
          expected.set(key, content === null ? undefined : `h${content}`);
          if (content === null) await sender.remove(key);
          else await sender.upsert({ key, hash: `h${content}`, bytes, json: "{}" });
        }
        await sender.drain();
      };
      const end = await clock.run(
        work().then(
          () => "done",
          (error: SyncError) => {
            expect(convex.inFlight, "calls under way").toBe(0);
            return error.code;
          },
        ),
      );
      ends.add(end);
      const calls = convex.meters.calls;
      const expectSettledRows = () => {
        for (const [key, count] of waiting)
          if (count === 0) expect(convex.rows.get(key)).toBe(expected.get(key));
      };
      expectSettledRows();
      await clock.runOut();
      expectSettledRows();
      expect(convex.meters.calls, "calls after the end").toBe(calls);
      expect(convex.violations).toEqual([]);
    }),
    { numRuns: 300 },
  );
  expect(ends).toEqual(new Set(["done", "INTERRUPTED", "DEPLOYMENT_UNREACHABLE", "DEPLOYMENT_FAILED"]));
});
