import { describe, expect, test } from "vitest";
import type { Sight } from "../../../src/model/sight.js";
import type { OpenRun } from "../../../src/state/mirror-record.js";
import type { Situation } from "../../../src/sync/plan-run.js";
import {
  sight,
  sourceSeen,
  watermark,
  open,
  deltaCursor,
  compareCursor,
  SAW_OTHERWISE,
  plan,
  agreed,
  interrupted,
} from "../../support/plan-situation.js";

describe("a delta", () => {
  test("goes on from the watermark", () => {
    expect(plan(agreed, { watermark })).toMatchObject({
      work: { kind: "delta", watermark: "10:10:", cursor: null },
      mode: "delta",
      resumed: null,
      notices: [],
    });
  });

  test("that was interrupted goes on at its cursor, with its snapshot", () => {
    const openRun: OpenRun = { ...open, cursor: deltaCursor };
    expect(plan(interrupted, { watermark, openRun })).toMatchObject({
      work: { kind: "delta", watermark: "10:10:", cursor: deltaCursor.at },
      mode: "delta",
      resumed: openRun,
      notices: ["RESUMED"],
    });
  });

  test("that was interrupted before its first page begins with it, with its snapshot", () => {
    for (const cursor of [null, { acknowledged: { nonce: "run", fence: "1" } }]) {
      const openRun: OpenRun = { ...open, cursor };
      expect(plan(interrupted, { watermark, openRun })).toMatchObject({
        work: { kind: "delta", watermark: "10:10:", cursor: null },
        mode: "delta",
        resumed: openRun,
        notices: ["RESUMED"],
      });
    }
  });

  test.each(SAW_OTHERWISE)(
    "that was interrupted and saw the table otherwise (%o) has written something: the next run compares",
    (saw) => {
      // By now the catalog is as it was for the watermark.
      const openRun: OpenRun = { ...open, cursor: deltaCursor, seen: { ...sight, ...saw } };
      expect(plan(interrupted, { watermark, openRun })).toMatchObject({
        work: { kind: "compare", from: null },
        mode: "full",
        resumed: null,
        voidWatermark: false,
        notices: ["BECAME_FULL"],
      });
    },
  );

  test("after a comparison that was interrupted before it had saved anything compares", () => {
    expect(plan(interrupted, { watermark, openRun: { ...open, mode: "full" } })).toMatchObject({
      work: { kind: "compare", from: null },
      mode: "full",
      resumed: null,
      notices: ["BECAME_FULL"],
    });
  });

  test.each<[string, Partial<Sight>, Situation["unknown"]]>([
    ["the table was tracked anew", { generation: 2 }, null],
    ["the documents have another shape", { fingerprint: "g" }, null],
    ["the table is another one", { trackedId: 2 }, null],
    ["the table was rewritten", { files: "h" }, null],
    ["partitions came or went", { partitions: "9" }, null],
    ["each run compared until now", { unnoticed: "row-level security" }, null],
    ["the catalog was changed while the last run went on", { unsteady: true }, null],
    ["the table was truncated", {}, "truncated"],
    ["the key of a change is not known", {}, "key unknown"],
  ])("becomes full and says so when %s", (_, saw, unknown) => {
    const seen = { ...sight, ...saw };
    for (const openRun of [null, { ...open, cursor: deltaCursor, seen }]) {
      const agreement = openRun === null ? agreed : interrupted;
      expect(plan(agreement, { watermark: { ...watermark, seen }, openRun }, { unknown })).toMatchObject({
        work: { kind: "compare", from: null },
        mode: "full",
        resumed: null,
        voidWatermark: false,
        notices: ["BECAME_FULL"],
      });
    }
  });

  test("becomes full each time while changes may go unnoticed, and resumes nothing", () => {
    const unnoticed = { ...sight, unnoticed: "row-level security" };
    const source = sourceSeen(unnoticed);
    const seen = unnoticed;
    expect(plan(agreed, { watermark: { ...watermark, seen } }, { source })).toMatchObject({
      work: { kind: "compare", from: null },
      notices: ["BECAME_FULL"],
    });
    const openRun: OpenRun = { ...open, mode: "full", seen, cursor: compareCursor };
    expect(plan(interrupted, { watermark: { ...watermark, seen }, openRun }, { source })).toMatchObject({
      work: { kind: "compare", from: null },
      resumed: null,
    });
  });
});

describe("an interrupted comparison", () => {
  test("goes on at its cursor, with its snapshot, whatever is asked for", () => {
    const openRun: OpenRun = { ...open, mode: "full", cursor: compareCursor };
    for (const remembered of [{ watermark, openRun }, { openRun }]) {
      for (const requested of ["delta", "full", "deep"] as const) {
        expect(plan(interrupted, remembered, { requested })).toMatchObject({
          work: { kind: "compare", from: compareCursor },
          mode: requested === "deep" ? "deep" : "full",
          resumed: openRun,
          voidWatermark: false,
          recordStrangers: false,
          adoptStrangers: false,
          notices: ["RESUMED"],
        });
      }
    }
  });

  test("that was to mend the documents still is, where there is nothing else to go by", () => {
    const openRun: OpenRun = { ...open, mode: "deep", cursor: compareCursor };
    expect(plan(interrupted, { openRun })).toMatchObject({ mode: "deep", resumed: openRun });
    expect(plan(interrupted, { watermark, openRun })).toMatchObject({ mode: "full", resumed: openRun });
  });

  test.each(SAW_OTHERWISE)("that saw the table otherwise (%o) begins anew", (saw) => {
    const openRun: OpenRun = {
      ...open,
      mode: "full",
      cursor: compareCursor,
      seen: { ...sight, ...saw },
    };
    for (const remembered of [{ watermark, openRun }, { openRun }]) {
      expect(plan(interrupted, remembered)).toMatchObject({
        work: { kind: "compare", from: null },
        mode: "full",
        resumed: null,
      });
    }
  });
});
