import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareKeys } from "../../../src/source/key-text.js";
import { mergeByKey, type Pair } from "../../../src/sync/merge-by-key.js";

interface Item {
  key: string;
  value: number;
}

async function* list(items: readonly Item[]): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item);
}

async function merge(left: readonly Item[], right: readonly Item[]): Promise<Pair<Item, Item>[]> {
  const pairs: Pair<Item, Item>[] = [];
  for await (const pair of mergeByKey(list(left), list(right))) pairs.push(pair);
  return pairs;
}

const listing = fc
  .uniqueArray(fc.record({ key: fc.string({ unit: "grapheme", maxLength: 3 }), value: fc.nat() }), {
    selector: ({ key }) => key,
  })
  .map((items) => items.sort((a, b) => compareKeys(a.key, b.key)));

describe("mergeByKey", () => {
  test("pairs what both sides have, and names what only one has, each key once and in order", async () => {
    await fc.assert(
      fc.asyncProperty(listing, listing, async (left, right) => {
        const pairs = await merge(left, right);
        const keys = [...new Set([...left, ...right].map(({ key }) => key))].sort(compareKeys);
        expect(pairs.map(({ key }) => key)).toEqual(keys);
        for (const pair of pairs) {
          expect(pair.left).toBe(left.find(({ key }) => key === pair.key) ?? null);
          expect(pair.right).toBe(right.find(({ key }) => key === pair.key) ?? null);
        }
      }),
    );
  });

  const items = (...keys: string[]) => keys.map((key) => ({ key, value: 0 }));

  test.each([
    ["Postgres", items("b", "a"), items()],
    ["Convex", items(), items("b", "a")],
    ["Postgres", items("😀", "\ue000"), items("a")], // JavaScript's order, and not that of the bytes
  ])("refuses a listing of %s that is out of order: rows would look gone", async (side, left, right) => {
    await expect(merge(left, right)).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining(`${side} listed its keys out of order`) as string,
    });
  });

  test("refuses a listing with a key twice: the key does not tell rows apart", async () => {
    await expect(merge(items("a", "a"), items())).rejects.toMatchObject({ code: "NO_KEY" });
  });

  test.each(["walked to their end", "left by the caller", "broken off by the other listing"])(
    "closes both listings, so that nothing is asked for behind the caller's back: %s",
    async (how) => {
      const closed: string[] = [];
      async function* watched(name: string, all: readonly Item[], thrown?: Error): AsyncGenerator<Item> {
        try {
          yield* list(all);
          if (thrown) throw thrown;
        } finally {
          closed.push(name);
        }
      }
      const failure = how.startsWith("broken") ? new Error("the connection is gone") : undefined;
      const walk = async (): Promise<void> => {
        const pairs = mergeByKey(
          watched("left", items("a", "c", "e")),
          watched("right", items("b"), failure),
        );
        for await (const pair of pairs) if (how.endsWith("caller") && pair.key === "b") return;
      };
      await (failure ? expect(walk()).rejects.toBe(failure) : walk());
      expect(closed.sort()).toEqual(["left", "right"]);
    },
  );
});
