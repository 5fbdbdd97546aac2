import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkKeys } from "../../src/sync/chunk-keys.js";

const MIB = 1024 * 1024;
const keys = (...bytes: number[]) => bytes.map((size, index) => ({ key: String(index), bytes: size }));
const sizes = (chunks: Iterable<{ bytes: number }[]>) =>
  [...chunks].map((chunk) => chunk.map(({ bytes }) => bytes));

describe("chunkKeys", () => {
  test("cuts by count", () => {
    expect(sizes(chunkKeys(keys(0, 0, 0, 0, 0), 2, () => 0))).toEqual([[0, 0], [0, 0], [0]]);
  });

  test("cuts by bytes, and a row that is larger than a chunk goes alone", () => {
    expect(sizes(chunkKeys(keys(2 * MIB, 2 * MIB, 1, 9 * MIB, 1), 100, () => 0))).toEqual([
      [2 * MIB, 2 * MIB],
      [1],
      [9 * MIB],
      [1],
    ]);
  });

  test("takes the average of what was read for a size that is unknown, as it is by then", () => {
    let average = MIB;
    const chunks = chunkKeys(keys(0, 0, 0, 0, 0, 0, 0), 100, () => average);
    expect(chunks.next().value).toHaveLength(4);
    average = 0;
    expect(chunks.next().value).toHaveLength(3);
  });

  test("gives every key once, in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(6 * MIB)),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(3 * MIB),
        (bytes, rows, average) => {
          const all = keys(...bytes);
          const chunks = [...chunkKeys(all, rows, () => average)];
          expect(chunks.flat()).toEqual(all);
          for (const chunk of chunks) {
            expect(chunk.length).toBeGreaterThan(0);
            expect(chunk.length).toBeLessThanOrEqual(rows);
            const sum = chunk.reduce((total, key) => total + Math.max(key.bytes, average), 0);
            expect(chunk.length === 1 || sum <= 4 * MIB).toBe(true);
          }
        },
      ),
    );
  });
});
