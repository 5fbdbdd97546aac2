import { expect, test } from "vitest";
import { createPaint } from "../../../src/cli/render/paint.js";
import { describeEstimate, renderVerifyReport } from "../../../src/cli/render/verify-report.js";
import type { VerifyTable } from "../../../src/model/verify-report.js";
import { VERIFIED } from "../../support/sample-reports.js";

const table = (name: string, given: Partial<VerifyTable> = {}): VerifyTable => ({
  table: name,
  outcome: "equal",
  equal: 4_500,
  different: 0,
  missing: 0,
  extra: 0,
  hash: 0,
  unknown: 0,
  waiting: 0,
  setAside: 0,
  heldBack: 0,
  unsettled: 0,
  differences: [],
  sampledOf: null,
  durationMs: 1_300,
  caution: null,
  ...given,
});

const render = (...tables: VerifyTable[]) =>
  `\n${renderVerifyReport({ ...VERIFIED, tables }, createPaint(false))}\n`;

test("equal: said of how many rows", () => {
  expect(render(table("sow_poles"), table("sow_drops", { waiting: 1 }))).toBe(`
table      equal  different  missing  extra  waiting  set aside  held back  seconds
sow_poles  4,500          0        0      0        0          0          0      1.3
sow_drops  4,500          0        0      0        1          0          0      1.3

Equal: 9,000 rows of 2 tables, value by value. 1 key changed since the last run, and comes with the next.
`);
});

test("different: which keys and columns, and what to do", () => {
  const differences: VerifyTable["differences"] = [
    { kind: "different", key: "17", columns: ["status", "height"] },
    { kind: "missing", key: "18", columns: [] },
  ];
  const counts = { different: 1, missing: 30, outcome: "different" as const };
  expect(render(table("sow_poles", { ...counts, differences }))).toBe(`
table      equal  different  missing  extra  waiting  set aside  held back  seconds
sow_poles  4,500          1       30      0        0          0          0      1.3

Differences
  sow_poles  17: status and height differ
             18: has no document
             and 29 more

sow_poles differs from Postgres. \`datahub-sync sync --deep --table sow_poles\` mends it.
`);
});

test("a sample claims nothing of the others", () => {
  expect(render(table("sow_poles", { equal: 400, sampledOf: 4_500 }))).toContain(
    "No difference among the 400 rows that were looked at; the others were not.",
  );
});

test("the cost is said beforehand, as a share of the month where there is a budget", () => {
  const estimate = { documents: 59_500, calls: 184, bytesRead: 222_000_000 };
  const budget = { plan: "free" as const, ioBytes: 1_000_000_000, storageBytes: null, calls: null };
  expect(describeEstimate(estimate, budget)).toBe(
    "This reads about 211.7 MiB of Convex's database I/O, 22.2 % of the month's budget: 59,500 documents, about 184 calls.",
  );
  expect(describeEstimate({ ...estimate, bytesRead: null }, null)).toContain("an unknown amount");
});
