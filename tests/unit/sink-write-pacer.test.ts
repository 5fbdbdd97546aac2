import fc from "fast-check";
import { expect, test } from "vitest";
import { WRITE_BYTES_PER_SECOND } from "../../src/limits.js";
import { WritePacer } from "../../src/sink/write-pacer.js";
import { VirtualClock } from "../support/virtual-clock.js";

test("the first write goes at once, each further one when those before have had their time", () => {
  const pacer = new WritePacer(1_000, new VirtualClock());
  expect([500, 250, 100, 1].map((bytes) => pacer.reserve(bytes))).toEqual([0, 500, 750, 850]);
});

test("time that passed unused is not saved up", async () => {
  const clock = new VirtualClock();
  const pacer = new WritePacer(1_000, clock);
  pacer.reserve(100);
  await clock.run(clock.sleep(60_000));
  expect([100, 100, 100].map((bytes) => pacer.reserve(bytes))).toEqual([0, 100, 200]);
});

test("an unlimited rate holds nothing back", () => {
  const pacer = new WritePacer(Infinity, new VirtualClock());
  expect([1e9, 1e9, 1e9].map((bytes) => pacer.reserve(bytes))).toEqual([0, 0, 0]);
  expect(pacer.maxWriteBytes).toBe(Infinity);
});

test("at the default share, no second holds more than the plan allows", () => {
  const limit = WRITE_BYTES_PER_SECOND.S16;
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 50, maxLength: 80 }),
      (sizes) => {
        const pacer = new WritePacer(limit * 0.85, new VirtualClock());
        const writes = sizes.map((share) => {
          const bytes = Math.floor(share * pacer.maxWriteBytes);
          return { bytes, at: pacer.reserve(bytes) };
        });
        for (const { at } of writes) {
          const second = writes.filter((write) => write.at >= at && write.at < at + 1_000);
          expect(second.reduce((sum, write) => sum + write.bytes, 0)).toBeLessThanOrEqual(limit);
        }
      },
    ),
  );
});
