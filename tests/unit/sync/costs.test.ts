import { expect, test } from "vitest";
import { budgetNotices, describeCosts, showBytes, type MirrorSize } from "../../../src/sync/costs.js";
import type { Spending } from "../../../src/state/spending.js";
import type { Budget } from "../../../src/model/report.js";

const SPENDING: Spending = {
  month: "2026-11",
  calls: 1_000,
  bytesRead: 300_000_000,
  bytesWritten: 100_000_000,
  daysLeft: 10,
  pace: { days: 20, calls: 2_000, bytes: 800_000_000, deltaBytes: 3_000_000 },
};
const MIRRORS: MirrorSize[] = [
  { name: "poles", rows: 100_000, indexes: 1, sizes: { documentBytes: 2_000, keyBytes: 36 } },
  { name: "drops", rows: 7, indexes: 0, sizes: null },
  { name: "empty", rows: 0, indexes: 0, sizes: null },
];
const AMPLE: Budget = { plan: null, ioBytes: 1e12, storageBytes: 1e12, calls: 1e9 };

test("the month goes on at the pace of the last weeks", () => {
  expect(describeCosts(SPENDING, [], null).projected).toEqual({ calls: 2_000, bytes: 800_000_000 });
  expect(describeCosts({ ...SPENDING, pace: null }, [], null).projected).toBeNull();
});

test("storage is documents, the ledger with two indexes, and one more copy for each index of a table", () => {
  const { storage, unsized } = describeCosts(SPENDING, MIRRORS, null);
  const ledger = storage.ledger;
  expect(ledger / 100_000).toBeGreaterThan(100);
  expect(storage).toEqual({ documents: 200_000_000, ledger, indexes: 200_000_000 + 2 * ledger });
  expect(unsized).toEqual(["drops"]);
});

test.each<[string, Partial<Budget>, string[]]>([
  ["enough of everything", {}, []],
  ["nothing limited", { ioBytes: null, storageBytes: null, calls: null }, []],
  ["as much as it comes to", { ioBytes: 800_000_000 }, []],
  ["too little I/O", { ioBytes: 799_999_999 }, ["BUDGET_IO"]],
  ["too little storage", { storageBytes: 400_000_000 }, ["BUDGET_STORAGE"]],
  ["too few calls", { calls: 1_999 }, ["BUDGET_CALLS"]],
  [
    "too little of all",
    { ioBytes: 1, storageBytes: 1, calls: 1 },
    ["BUDGET_IO", "BUDGET_CALLS", "BUDGET_STORAGE"],
  ],
])("a budget with %s", (_, budget, codes) => {
  const costs = describeCosts(SPENDING, MIRRORS, { ...AMPLE, ...budget });
  expect(budgetNotices(costs).map(({ code }) => code)).toEqual(codes);
});

test("a notice says what it comes to, what the budget is, and what the plan does about it", () => {
  const [notice] = budgetNotices(describeCosts(SPENDING, [], { ...AMPLE, plan: "free", ioBytes: 5e8 }));
  expect(notice!.message).toMatch(
    /^At this pace, database I\/O comes to about 800 MB by the end of 2026-11; the budget is 500 MB\. Convex's free plan refuses what is beyond\. /,
  );
  const [starter] = budgetNotices(describeCosts(SPENDING, [], { ...AMPLE, plan: "starter", ioBytes: 5e8 }));
  expect(starter!.message).toContain("Convex's starter plan charges for what is beyond.");
});

test.each([
  [0, "0 MB"],
  [4_260_000, "4.3 MB"],
  [207_400_000, "207 MB"],
  [999_600_000, "1,000 MB"],
  [1_000_000_000, "1 GB"],
  [1_437_000_000, "1.4 GB"],
])("%i bytes are shown as plans count", (bytes, shown) => {
  expect(showBytes(bytes)).toBe(shown);
});
