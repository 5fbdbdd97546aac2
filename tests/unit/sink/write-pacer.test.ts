import fc from "fast-check";
import { expect, test } from "vitest";
import { WRITE_BYTES_PER_SECOND } from "../../../src/model/limits.js";
import { WritePacer } from "../../../src/sink/write-pacer.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const { signal: never } = new AbortController();

/** Asks for all at once; when each began. */
async function beginnings(pacer: WritePacer, clock: VirtualClock, sizes: number[], written = sizes) {
  const startedAt = clock.now();
  const begin = async (bytes: number, index: number) => {
    const end = await pacer.admit(bytes, never);
    const at = clock.now() - startedAt;
    end(written[index]!);
    return at;
  };
  return clock.run(Promise.all(sizes.map(begin)));
}

test("the first write goes at once, each further one when those before have had their time", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(1_000, clock);
  expect(await beginnings(pacer, clock, [500, 250, 100, 1])).toEqual([0, 500, 750, 850]);
});

test("time that passed unused is not saved up", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(1_000, clock);
  await beginnings(pacer, clock, [100]);
  await clock.run(clock.sleep(60_000));
  expect(await beginnings(pacer, clock, [100, 100, 100])).toEqual([0, 100, 200]);
});

test("what turned out to change nothing takes no time", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(1_000, clock);
  expect(await beginnings(pacer, clock, [700, 700, 700, 700], [0, 0, 400, 0])).toEqual([0, 0, 0, 400]);
});

test("an unlimited rate holds nothing back", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(Infinity, clock);
  expect(await beginnings(pacer, clock, [1e9, 1e9, 1e9])).toEqual([0, 0, 0]);
  expect(pacer.maxWriteBytes).toBe(Infinity);
});

test("a write larger than the plan waits until no other counts, and then goes", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(850, clock);
  expect(await beginnings(pacer, clock, [100, 5_000, 100])).toEqual([0, 1_001, 6_884]);
});

test("a slow call counts until a second after its end", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(850, clock);
  const work = async () => {
    const end = await pacer.admit(600, never);
    const next = pacer.admit(600, never).then(() => clock.now());
    await clock.sleep(5_000);
    end(600);
    return next;
  };
  expect(await clock.run(work())).toBe(6_001);
});

test("whoever waits hears of the end of the run", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(850, clock);
  const stop = new AbortController();
  await pacer.admit(600, stop.signal);
  const waiting = [pacer.admit(600, stop.signal), pacer.admit(1, stop.signal)];
  const reason = new Error("over");
  stop.abort(reason);
  expect(await Promise.allSettled(waiting)).toEqual(waiting.map(() => ({ status: "rejected", reason })));
});

test("at the default share, no second holds more than the plan allows, however long calls take", async () => {
  const limit = WRITE_BYTES_PER_SECOND.S16;
  const write = fc.record({
    share: fc.double({ min: 0.3, max: 1, noNaN: true }),
    beforeMs: fc.constantFrom(0, 10, 1_500),
    afterMs: fc.constantFrom(0, 10, 1_500),
    /** Of what was expected. */
    written: fc.constantFrom(0, 0.5, 1, 1, 1),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(write, { minLength: 30, maxLength: 80 }), async (writes) => {
      const clock = new VirtualClock();
      const pacer = new WritePacer(limit * 0.85, clock);
      const commits: { at: number; bytes: number }[] = [];
      const lane = async (mine: typeof writes) => {
        for (const { share, beforeMs, afterMs, written } of mine) {
          const bytes = Math.floor(share * pacer.maxWriteBytes);
          const end = await pacer.admit(bytes, never);
          await clock.sleep(beforeMs);
          commits.push({ at: clock.now(), bytes: bytes * written });
          await clock.sleep(afterMs);
          end(bytes * written);
        }
      };
      const lanes = Array.from({ length: 8 }, (_, first) => writes.filter((_, i) => i % 8 === first));
      await clock.run(Promise.all(lanes.map(lane)));
      for (const { at } of commits) {
        const second = commits.filter((commit) => commit.at >= at && commit.at <= at + 1_000);
        expect(second.reduce((sum, commit) => sum + commit.bytes, 0)).toBeLessThanOrEqual(limit);
      }
    }),
  );
});
