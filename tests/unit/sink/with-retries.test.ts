import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SyncError } from "../../../src/model/errors.js";
import { ConvexCallError, type CallFailure } from "../../../src/sink/convex-call-error.js";
import { backoffMs, withRetries, type RetryOptions } from "../../../src/sink/with-retries.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const failure = (facts: Partial<CallFailure> = {}) =>
  new ConvexCallError({ functionName: "datahubSync:listLedger", kind: "timeout", ...facts });

/** A call that fails as often as there are failures, and then answers "done". */
function failing(...failures: Error[]) {
  let calls = 0;
  const call = () => {
    const error = failures[calls++];
    return error === undefined ? Promise.resolve("done") : Promise.reject(error);
  };
  return { call, calls: () => calls };
}

/** A clock whose jitter is always the same. */
function clockWithJitter(jitter: number): VirtualClock {
  const clock = new VirtualClock();
  clock.random = () => jitter;
  return clock;
}

const options = (clock: VirtualClock, rest: Partial<RetryOptions> = {}): RetryOptions => ({
  clock,
  maxAttempts: 8,
  ...rest,
});

describe("the wait between attempts", () => {
  test.each([
    ["least", 0, [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]],
    ["mean", 0.5, [1_500, 2_500, 4_500, 8_500, 15_500, 15_500, 15_500]],
    ["largest", 1, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]],
  ])("grows with each attempt: the %s jitter", async (_name, jitter, expected) => {
    const clock = clockWithJitter(jitter);
    const { call } = failing(...expected.map(() => failure()));
    await expect(clock.run(withRetries(call, options(clock)))).resolves.toBe("done");
    expect(clock.sleeps).toEqual(expected);
    expect(clock.now()).toBe(expected.reduce((sum, ms) => sum + ms, 0));
  });

  test("is never shorter than Retry-After, and longer only by the backoff", async () => {
    const clock = clockWithJitter(0.5);
    const { call } = failing(failure({ retryAfterMs: 12_345 }), failure({ retryAfterMs: 10 }));
    await clock.run(withRetries(call, options(clock)));
    expect(clock.sleeps).toEqual([12_345, 2_500]);
  });

  test("stays between 1 s and 30 s unless Retry-After asks for more", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.integer({ min: 0, max: 600_000 })),
        (attempt, jitter, retryAfterMs) => {
          const ms = backoffMs(attempt, jitter, retryAfterMs);
          expect(ms).toBeGreaterThanOrEqual(Math.max(1_000, retryAfterMs ?? 0));
          expect(ms).toBeLessThanOrEqual(Math.max(30_000, retryAfterMs ?? 0));
        },
      ),
    );
  });
});

describe("the end of trying", () => {
  test("after the last attempt the last error is thrown as it is", async () => {
    const clock = new VirtualClock();
    const last = failure({ kind: "network", code: "ECONNRESET" });
    const { call, calls } = failing(failure(), failure(), last);
    await expect(clock.run(withRetries(call, options(clock, { maxAttempts: 3 })))).rejects.toBe(last);
    expect(calls()).toBe(3);
    expect(clock.sleeps).toHaveLength(2);
  });

  test("no attempt begins after the deadline, and nobody waits for it", async () => {
    const clock = clockWithJitter(0);
    const { call, calls } = failing(failure(), failure(), failure());
    await expect(clock.run(withRetries(call, options(clock, { deadlineAt: 2_000 })))).rejects.toThrow(
      ConvexCallError,
    );
    expect(calls()).toBe(3); // at 0, 1,000 and 2,000
    expect(clock.now()).toBe(2_000);
  });

  test("what may not be repeated is thrown at once", async () => {
    const clock = new VirtualClock();
    const stale = failure({ kind: "function", code: "STALE_TOKEN" });
    const row = failure({ kind: "function", code: "ROW_FAILED" });
    for (const error of [stale, row, new TypeError("a bug")]) {
      const { call, calls } = failing(error);
      await expect(clock.run(withRetries(call, options(clock)))).rejects.toBe(error);
      expect(calls()).toBe(1);
    }
    expect(clock.sleeps).toEqual([]);
  });

  test("an abort ends a wait at once, and nothing is called any more", async () => {
    const clock = clockWithJitter(1);
    const controller = new AbortController();
    clock.after(500, () => controller.abort());
    const { call, calls } = failing(failure());
    const work = withRetries(call, options(clock, { signal: controller.signal }));
    await expect(clock.run(work)).rejects.toMatchObject({ name: "SyncError", code: "INTERRUPTED" });
    expect(clock.now()).toBe(500);
    expect(calls()).toBe(1);
    await expect(
      withRetries(call, options(clock, { signal: controller.signal })),
      "after the abort",
    ).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(calls()).toBe(1);
  });

  test("a signal aborted with a SyncError says that error", async () => {
    const lost = new SyncError({ code: "LEASE_LOST", message: "gone", remedy: "none" });
    const { call } = failing(failure({ kind: "aborted" }));
    const controller = new AbortController();
    const work = withRetries(
      () => {
        controller.abort(lost);
        return call();
      },
      options(new VirtualClock(), { signal: controller.signal }),
    );
    await expect(work).rejects.toBe(lost);
  });

  test("each retry is told with its wait", async () => {
    const clock = clockWithJitter(0);
    const told: [string, number][] = [];
    const { call } = failing(failure(), failure({ kind: "http", status: 429 }));
    await clock.run(withRetries(call, options(clock, { onRetry: (e, ms) => told.push([e.kind, ms]) })));
    expect(told).toEqual([
      ["timeout", 1_000],
      ["http", 1_000],
    ]);
  });
});
