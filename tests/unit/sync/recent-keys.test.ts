import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RecentKeys } from "../../../src/sync/recent-keys.js";

function lastThatFit(keys: readonly string[], characters: number): string[] {
  let left = characters;
  const first = keys.findLastIndex((key) => (left -= key.length) < 0);
  return keys.slice(first + 1);
}

describe("the keys that a pass has dealt with lately", () => {
  test("are dealt with once, in the order of their first coming", () => {
    const recent = new RecentKeys();
    expect(recent.keepNew(["b", "a"])).toEqual(["b", "a"]);
    expect(recent.keepNew(["a", "c", "b"])).toEqual(["c"]);
    expect(recent.keepNew([])).toEqual([]);
    expect(recent.keepNew(["a", "b", "c"])).toEqual([]);
  });

  test("the oldest are forgotten where there are too many, and dealt with again", () => {
    const recent = new RecentKeys(4);
    recent.keepNew(["aa", "bb"]);
    expect(recent.keepNew(["cc"])).toEqual(["cc"]); // in the place of aa
    expect(recent.keepNew(["bb", "cc"])).toEqual([]);
    expect(recent.keepNew(["aa"])).toEqual(["aa"]); // in the place of bb
    expect(recent.keepNew(["cc", "bb"])).toEqual(["bb"]);
  });

  test("a key that alone is longer than what is remembered passes, each time", () => {
    const recent = new RecentKeys(3);
    expect(recent.keepNew(["a", "long"])).toEqual(["a", "long"]);
    expect(recent.keepNew(["long", "a"])).toEqual(["long", "a"]);
  });

  test("none that is new is ever left out, and never more is remembered than there is room for", () => {
    const room = 12;
    const key = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom("a", "b") });
    const page = fc.uniqueArray(key, { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(page, { maxLength: 12 }), (pages) => {
        const recent = new RecentKeys(room);
        const handed: string[] = [];
        for (const keys of pages) {
          const remembered = lastThatFit(handed, room);
          const fresh = recent.keepNew(keys);
          expect(fresh).toEqual(keys.filter((one) => !remembered.includes(one)));
          handed.push(...fresh);
        }
      }),
    );
  });
});
