import { describe, expect, test } from "vitest";
import type { OpenRun } from "../../../src/state/mirror-record.js";
import {
  sight,
  watermark,
  open,
  EMPTY,
  STRANGERS,
  loadCursor,
  deltaCursor,
  SAW_OTHERWISE,
  plan,
  agreed,
  interrupted,
  disagreed,
  gone,
  compare,
} from "../../support/plan-situation.js";

describe("a first run", () => {
  test("loads everything", () => {
    expect(plan({ kind: "first" }, {}, { mirror: EMPTY })).toEqual({
      work: { kind: "load", after: null },
      mode: "full",
      resumed: null,
      voidWatermark: false,
      recordStrangers: false,
      adoptStrangers: false,
      notices: [],
    });
  });

  test("records the documents that are there already", () => {
    expect(plan({ kind: "first" }, {}, { mirror: STRANGERS })).toMatchObject({
      work: { kind: "load" },
      recordStrangers: true,
    });
  });

  test("that was interrupted goes on at its cursor with its snapshot, whatever is asked for", () => {
    const openRun: OpenRun = { ...open, mode: "full", cursor: loadCursor };
    for (const requested of ["delta", "full", "deep"] as const) {
      expect(plan(interrupted, { openRun }, { requested })).toMatchObject({
        work: { kind: "load", after: "k" },
        mode: requested === "deep" ? "deep" : "full",
        resumed: openRun,
        recordStrangers: false,
        adoptStrangers: false,
        notices: ["RESUMED"],
      });
    }
  });

  test("that was interrupted before its first page looks for strangers again", () => {
    const openRun: OpenRun = { ...open, mode: "full", cursor: { kind: "load", after: null } };
    expect(plan(interrupted, { openRun }, { mirror: STRANGERS })).toMatchObject({
      recordStrangers: true,
      resumed: openRun,
    });
    expect(plan(interrupted, { openRun }, { mirror: EMPTY })).toMatchObject({ recordStrangers: false });
  });

  test.each(SAW_OTHERWISE)("that was interrupted and saw the table otherwise (%o) is void", (saw) => {
    const openRun: OpenRun = { ...open, mode: "full", cursor: loadCursor, seen: { ...sight, ...saw } };
    expect(plan(interrupted, { openRun })).toMatchObject({ work: compare, mode: "full", resumed: null });
    expect(plan(interrupted, { openRun }, { mirror: EMPTY })).toMatchObject({
      work: { kind: "load", after: null },
      resumed: null,
    });
  });
});

describe("a full or deep run", () => {
  test.each(["full", "deep"] as const)("%s compares", (requested) => {
    expect(plan(agreed, { watermark }, { requested })).toMatchObject({
      work: compare,
      mode: requested,
      notices: [],
    });
    expect(plan(interrupted, { watermark, openRun: open }, { requested })).toMatchObject({
      work: compare,
      resumed: null,
    });
  });
});

describe("without agreement", () => {
  test("compares, leaves no watermark to go on from, and says why", () => {
    expect(plan(disagreed, { watermark, openRun: open })).toMatchObject({
      work: compare,
      mode: "full",
      resumed: null,
      voidWatermark: true,
      recordStrangers: false,
      adoptStrangers: false,
      notices: ["BECAME_FULL"],
    });
    expect(plan({ kind: "foreign" }, {})).toMatchObject({
      work: compare,
      voidWatermark: true,
      notices: ["BECAME_FULL"],
    });
  });

  test("compares where snapshots are ahead of the server's transactions, whatever both sides remember", () => {
    for (const agreement of [agreed, interrupted]) {
      const openRun = agreement === interrupted ? { ...open, cursor: deltaCursor } : null;
      expect(plan(agreement, { watermark, openRun }, { isAhead: true })).toMatchObject({
        work: { kind: "compare", from: null },
        mode: "full",
        resumed: null,
        voidWatermark: true,
        notices: ["BECAME_FULL"],
      });
    }
  });

  test("reads the documents themselves where some are gone", () => {
    expect(plan(gone, { watermark })).toMatchObject({
      mode: "deep",
      voidWatermark: true,
      recordStrangers: false,
      adoptStrangers: false,
    });
    expect(plan(gone, { watermark }, { mirror: STRANGERS })).toMatchObject({ recordStrangers: false });
  });

  test("records documents that no ledger knows", () => {
    expect(plan(disagreed, { watermark }, { mirror: STRANGERS })).toMatchObject({ recordStrangers: true });
    expect(plan(disagreed, { watermark }, { mirror: EMPTY })).toMatchObject({ recordStrangers: false });
  });

  test("a crash of such a run leaves the next one to compare, and to mend what it was to mend", () => {
    expect(plan(interrupted, { openRun: { ...open, mode: "full" } })).toMatchObject({
      work: compare,
      mode: "full",
    });
    expect(plan(interrupted, { openRun: { ...open, mode: "deep" } })).toMatchObject({
      work: compare,
      mode: "deep",
    });
  });
});
