import { beforeEach, describe, expect, test } from "vitest";
import { createPaint } from "../../../src/cli/render/paint.js";
import type { TableReport, RunReport } from "../../../src/model/report.js";
import type { Usage } from "../../../local/convex/usage.js";
import { Cleanup } from "../../../local/demo/cleanup.js";
import { findDeviations, NOTHING } from "../../../local/demo/expected-changes.js";
import { Narrator } from "../../../local/demo/narrator.js";
import { showComparison, showVerdict, type TableVerdict } from "../../../local/demo/verdict.js";
import { VirtualClock } from "../../support/virtual-clock.js";

describe("a run is held against what it should have done", () => {
  const expected = { poles: { read: 3, inserted: 1, updated: 2, deleted: 4 }, drops: NOTHING };
  const reportOf = (poles: Partial<TableReport>, ...others: Partial<TableReport>[]) =>
    ({
      tables: [
        {
          table: "poles",
          read: 3,
          inserted: 1,
          updated: 2,
          unchanged: 0,
          deleted: 4,
          rejected: 0,
          heldBack: 0,
          ...poles,
        },
        {
          table: "drops",
          read: 0,
          inserted: 0,
          updated: 0,
          unchanged: 0,
          deleted: 0,
          rejected: 0,
          heldBack: 0,
        },
        ...others,
      ],
    }) as RunReport;
  const usageOf = (poles: number, drops = 0) =>
    ({
      byTable: { poles: { documentsWritten: poles }, drops: { documentsWritten: drops } },
    }) as unknown as Usage;

  test("exactly that is no deviation", () => {
    expect(findDeviations(expected, reportOf({}), usageOf(7))).toEqual([]);
  });

  test.each<[Partial<TableReport>, string]>([
    [{ read: 4 }, "poles: rows read is 4, expected is 3"],
    [{ inserted: 0 }, "poles: inserted is 0, expected is 1"],
    [{ updated: 3 }, "poles: updated is 3, expected is 2"],
    [{ deleted: 5 }, "poles: deleted is 5, expected is 4"],
    [{ unchanged: 1 }, "poles: unchanged is 1, expected is 0"],
    [{ rejected: 1 }, "poles: rejected is 1, expected is 0"],
    [{ heldBack: 1 }, "poles: heldBack is 1, expected is 0"],
  ])("%j", (found, sentence) => {
    expect(findDeviations(expected, reportOf(found), usageOf(7))).toEqual([sentence]);
  });

  test("what Convex metered counts, whatever the report says", () => {
    expect(findDeviations(expected, reportOf({}), usageOf(8, 1))).toEqual([
      "poles: documents written by Convex's meter is 8, expected is 7",
      "drops: documents written by Convex's meter is 1, expected is 0",
    ]);
  });

  test("a table that is missing from the report, and one that is none of ours", () => {
    const report = reportOf({}, { table: "others" });
    report.tables.splice(1, 1);
    expect(findDeviations(expected, report, usageOf(7))).toEqual(
      expect.arrayContaining([
        "drops: rows read is not reported, expected is 0",
        "others: was synced, but is none of the tables",
      ]),
    );
  });

  test("rows that may be read in any number", () => {
    const deep = { ...expected, poles: { ...expected.poles, read: null } };
    expect(findDeviations(deep, reportOf({ read: 1_000 }), usageOf(7))).toEqual([]);
  });
});

describe("the last word", () => {
  let printed: string;
  beforeEach(() => (printed = ""));
  const narrator = (colour = false) =>
    new Narrator((text) => (printed += text), createPaint(colour), new VirtualClock());
  const equal: TableVerdict = {
    table: "poles",
    rows: 2,
    documents: 2,
    values: 1_234,
    differences: [],
    missing: [],
  };
  const different: TableVerdict = {
    ...equal,
    differences: [{ key: "row 1", column: "status", what: "another value" }],
    missing: ["row 2", "row 3"],
  };

  test("equal, and every count exact", () => {
    expect(showVerdict(narrator(), [equal, equal], 0)).toBe(true);
    expect(printed).toContain("Equal: all 2,468 values of 4 rows are in Convex");
  });

  test("a difference", () => {
    showComparison(narrator(), [equal, different]);
    expect(showVerdict(narrator(), [equal, different], 0)).toBe(false);
    expect(printed).toContain("NOT AS EXPECTED  poles row 1, status: another value\n");
    expect(printed).toContain(
      "NOT EQUAL: 3 differences between the two sides, 0 counts other than expected.",
    );
  });

  test("a count that was not exact, though both sides are equal", () => {
    expect(showVerdict(narrator(), [equal], 1)).toBe(false);
    expect(printed).toContain("NOT EQUAL: 0 differences between the two sides, 1 count other than expected.");
  });

  test("colours on a terminal alone", () => {
    showVerdict(narrator(), [different], 0);
    expect(printed).not.toContain("\u001b");
    showVerdict(narrator(true), [different], 0);
    expect(printed).toContain("\u001b[");
  });
});

test("the end undoes what was begun, last first, once, and goes on after a failure", async () => {
  const undone: string[] = [];
  const cleanup = new Cleanup();
  cleanup.add(() => void undone.push("first"));
  cleanup.add(() => Promise.reject(new Error("ended by itself")));
  cleanup.add(() => void undone.push("last"));
  expect(cleanup.started).toBe(false);
  await Promise.all([cleanup.undoAll(), cleanup.undoAll()]);
  expect(cleanup.started).toBe(true);
  expect(undone).toEqual(["last", "first"]);
});
