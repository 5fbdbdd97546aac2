import { describe, expect, test } from "vitest";
import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { MirrorSource } from "../../src/source/mirror-source.js";
import type { MirrorRecord, OpenRun, Watermark } from "../../src/state/mirror-record.js";
import type { Agreement } from "../../src/sync/agreement.js";
import { planRun, type Situation } from "../../src/sync/plan-run.js";

const source = {
  name: "t",
  fingerprint: "f",
  tracking: { id: 1, generation: 3, files: "g", indexed: true, problem: null },
  unmarked: null,
} as MirrorSource;
const watermark: Watermark = {
  snapshot: "10:10:",
  at: "2026-01-01T00:00:00Z",
  generation: 3,
  fingerprint: "f",
  files: "g",
  nonce: "end",
};
const open: OpenRun = {
  nonce: "run",
  priorNonce: "end",
  mode: "delta",
  snapshot: "20:20:",
  snapshotAt: "2026-01-02T00:00:00Z",
  generation: 3,
  fingerprint: "f",
  files: "g",
  history: "h",
  cursor: null,
  finalNonce: null,
};
const FULL = { rows: 5, ledgerSample: "present", tableEmpty: false } as const;
const EMPTY = { rows: 0, ledgerSample: "empty", tableEmpty: true } as const;
const STRANGERS = { ...EMPTY, tableEmpty: false } as const;
const loadCursor = { kind: "load", after: "k" };
const deltaCursor = { kind: "delta", at: { xid: "15", key: "k" } };

function plan(
  agreement: Agreement,
  remembered: Partial<MirrorRecord>,
  situation: Partial<Situation> & { mirror?: Partial<MirrorHandshake> } = {},
) {
  const record: MirrorRecord = {
    watermark: null,
    watermarkAgeSeconds: null,
    openRun: null,
    lastDelta: null,
    lastFull: null,
    ...remembered,
  };
  const { mirror = FULL, ...rest } = situation;
  const handshake = { table: "t", deployed: true, fields: null, state: null, ...mirror } as MirrorHandshake;
  const run = planRun({
    requested: "delta",
    source,
    record,
    handshake,
    agreement,
    comparisonNeeded: null,
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

  test.each([{ generation: 2 }, { fingerprint: "g" }])(
    "that was interrupted and saw the table otherwise (%o) is void",
    (saw) => {
      const openRun: OpenRun = { ...open, mode: "full", cursor: loadCursor, ...saw };
      expect(plan(interrupted, { openRun })).toMatchObject({ work: compare, mode: "full", resumed: null });
      expect(plan(interrupted, { openRun }, { mirror: EMPTY })).toMatchObject({
        work: { kind: "load", after: null },
        resumed: null,
      });
    },
  );
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

  test("after an interrupted comparison begins anew from the watermark: nothing of it can be told to be done", () => {
    expect(plan(interrupted, { watermark, openRun: { ...open, mode: "full" } })).toMatchObject({
      work: { kind: "delta", cursor: null },
      resumed: null,
    });
  });

  test.each<[string, Partial<Watermark>, Situation["comparisonNeeded"]]>([
    ["the table was tracked anew", { generation: 2 }, null],
    ["the documents have another shape", { fingerprint: "g" }, null],
    ["the table was truncated", {}, "truncate"],
    ["a deletion's key is not known", {}, "unknown"],
  ])("becomes full and says so when %s", (_, fields, comparisonNeeded) => {
    for (const agreement of [agreed, interrupted]) {
      const remembered = {
        watermark: { ...watermark, ...fields },
        openRun: agreement === interrupted ? open : null,
      };
      expect(plan(agreement, remembered, { comparisonNeeded })).toMatchObject({
        work: compare,
        mode: "full",
        resumed: null,
        voidWatermark: false,
        notices: ["BECAME_FULL"],
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
