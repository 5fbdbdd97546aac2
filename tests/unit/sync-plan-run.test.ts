import { describe, expect, test } from "vitest";
import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { MirrorSource } from "../../src/source/mirror-source.js";
import type { Sight } from "../../src/source/sight.js";
import type { MirrorRecord, OpenRun, Watermark } from "../../src/state/mirror-record.js";
import type { Agreement } from "../../src/sync/agreement.js";
import { planRun, type Situation } from "../../src/sync/plan-run.js";

const sight: Sight = {
  trackedId: 1,
  generation: 3,
  fingerprint: "f",
  files: "g",
  partitions: "",
  unnoticed: null,
};
const sourceSeen = (now: Sight) =>
  ({
    name: "t",
    fingerprint: now.fingerprint,
    tracking: { id: now.trackedId, generation: now.generation, problem: null },
    sight: now,
  }) as MirrorSource;
const watermark: Watermark = {
  snapshot: "10:10:",
  at: "2026-01-01T00:00:00Z",
  seen: sight,
  nonce: "end",
};
const open: OpenRun = {
  nonce: "run",
  priorNonce: "end",
  mode: "delta",
  snapshot: "20:20:",
  snapshotAt: "2026-01-02T00:00:00Z",
  seen: sight,
  history: "h",
  cursor: null,
  finalNonce: null,
};
const FULL = { rows: 5, ledgerSample: "present", tableEmpty: false } as const;
const EMPTY = { rows: 0, ledgerSample: "empty", tableEmpty: true } as const;
const STRANGERS = { ...EMPTY, tableEmpty: false } as const;
const loadCursor = { kind: "load", after: "k" };
const deltaCursor = { kind: "delta", at: { xid: "15", id: "7" } };
const compareCursor = { kind: "compare", phase: "rows", after: "k", pass: "run", listed: 0, expected: 5 };
const SAW_OTHERWISE: Partial<Sight>[] = [
  { generation: 2 },
  { fingerprint: "g" },
  { trackedId: 2 },
  { files: "h" },
  { partitions: "9" },
  { unnoticed: "row-level security" },
  { unsteady: true },
];

function plan(
  agreement: Agreement,
  remembered: Partial<MirrorRecord>,
  situation: Partial<Situation> & { mirror?: Partial<MirrorHandshake> } = {},
) {
  const record: MirrorRecord = {
    trackedId: 1,
    watermark: null,
    watermarkAgeSeconds: null,
    openRun: null,
    lastDelta: null,
    lastFull: null,
    changes: { read: 0, timestamps: 0 },
    ...remembered,
  };
  const { mirror = FULL, ...rest } = situation;
  const handshake = { table: "t", deployed: true, fields: null, state: null, ...mirror } as MirrorHandshake;
  const run = planRun({
    requested: "delta",
    source: sourceSeen(sight),
    record,
    handshake,
    agreement,
    unknown: null,
    isAhead: false,
    ...rest,
  });
  return { ...run, notices: run.notices.map(({ code }) => code) };
}

const agreed: Agreement = { kind: "agreed" };
const interrupted: Agreement = { kind: "interrupted" };
const disagreed: Agreement = { kind: "disagreed", reason: "because", documentsGone: false };
const gone: Agreement = { kind: "disagreed", reason: "because", documentsGone: true };
const compare = { kind: "compare" };

describe("a first run", () => {
  test("loads everything", () => {
    expect(plan({ kind: "first" }, {}, { mirror: EMPTY })).toEqual({
      work: { kind: "load", after: null },
      mode: "full",
      resumed: null,
      voidWatermark: false,
      recordStrangers: false,
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
