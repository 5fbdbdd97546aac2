import { describe, expect, test } from "vitest";
import { isSameSight, isSteady, whyCompare, type Sight } from "../../../src/model/sight.js";

const SIGHT: Sight = {
  trackedId: 7,
  generation: 3,
  fingerprint: "f",
  files: "16390 16395",
  partitions: "16400",
  unnoticed: null,
};
const RLS = "row-level security decides which rows are seen";

interface Case {
  says: string;
  then?: Partial<Sight>;
  now?: Partial<Sight>;
  why: RegExp | null;
  same: boolean;
  steady: boolean;
}

const CASES: Case[] = [
  { says: "nothing differs", why: null, same: true, steady: true },
  {
    says: "another table has the name",
    now: { trackedId: 8 },
    why: /dropped and created/,
    same: false,
    steady: false,
  },
  {
    says: "the table was tracked anew",
    now: { generation: 4 },
    why: /tracked anew/,
    same: false,
    steady: false,
  },
  {
    says: "documents have another shape",
    now: { fingerprint: "g" },
    why: /shape/,
    same: false,
    steady: false,
  },
  {
    says: "the table was rewritten",
    now: { files: "16390 16401" },
    why: /rewritten/,
    same: false,
    steady: false,
  },
  {
    says: "a partition came",
    now: { partitions: "16400 16410" },
    why: /came or went/,
    same: false,
    steady: false,
  },
  { says: "a partition went", now: { partitions: "" }, why: /came or went/, same: false, steady: false },
  {
    says: "changes go unnoticed from now on",
    now: { unnoticed: RLS },
    why: /row-level/,
    same: false,
    steady: false,
  },
  {
    says: "changes went unnoticed until now: the end of a reason is a reason to compare once more",
    then: { unnoticed: RLS },
    why: /until now/,
    same: false,
    steady: false,
  },
  {
    says: "changes go unnoticed as before: each run compares, none can go on where another stopped",
    then: { unnoticed: RLS },
    now: { unnoticed: RLS },
    why: /row-level/,
    same: false,
    steady: true,
  },
  {
    says: "the catalog was changed during that run, and is as it was",
    then: { unsteady: true },
    why: /while the last run went on/,
    same: false,
    steady: true,
  },
];

describe("what a run saw of the catalog", () => {
  test.each(CASES)("$says", ({ then, now, why, same, steady }) => {
    const before = { ...SIGHT, ...then };
    const after = { ...SIGHT, ...now };
    const reason = whyCompare(before, after);
    if (why === null) expect(reason).toBeNull();
    else expect(reason).toMatch(why);
    expect(isSameSight(before, after)).toBe(same);
    expect(isSteady(before, after)).toBe(steady);
  });

  test("comes back from the state tables as it was written", () => {
    for (const { then } of CASES) {
      const before = { ...SIGHT, ...then };
      const read = JSON.parse(JSON.stringify(before)) as Sight;
      expect(whyCompare(read, SIGHT)).toBe(whyCompare(before, SIGHT));
      expect(isSteady(read, before)).toBe(true);
    }
  });

  test("every part of it counts", () => {
    for (const part of Object.keys(SIGHT) as (keyof Sight)[]) {
      const other = { ...SIGHT, [part]: typeof SIGHT[part] === "number" ? 0 : "another" };
      expect(whyCompare(SIGHT, other), part).not.toBeNull();
      expect(whyCompare(other, SIGHT), part).not.toBeNull();
      expect(isSteady(SIGHT, other), part).toBe(false);
    }
  });
});
