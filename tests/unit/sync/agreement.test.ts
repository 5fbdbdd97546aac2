import { describe, expect, test } from "vitest";
import type { MirrorState } from "../../../convex/datahubSync/stateProtocol.js";
import type { MirrorRecord, OpenRun, Watermark } from "../../../src/state/mirror-record.js";
import { compareMemories } from "../../../src/sync/agreement.js";

const LINEAGE = "source/cluster/-";
const HISTORY = "1/-";
const SOURCE = { lineage: LINEAGE, history: HISTORY };

function state(nonce: string, fields: Partial<MirrorState> = {}): MirrorState {
  return {
    table: "t",
    lineage: LINEAGE,
    epoch: 1n,
    nonce,
    fence: 0n,
    running: false,
    highWaterMark: null,
    position: null,
    rows: 5,
    lastRun: null,
    ...fields,
  };
}

const watermark = (nonce: string | null): Watermark => ({
  snapshot: "1:1:",
  at: "2026-01-01T00:00:00Z",
  seen: null,
  nonce,
});
const openRun = (fields: Partial<OpenRun>): OpenRun => ({
  nonce: "run",
  priorNonce: null,
  mode: "delta",
  snapshot: "2:2:",
  snapshotAt: "2026-01-01T00:00:00Z",
  seen: null,
  history: HISTORY,
  cursor: null,
  finalNonce: null,
  ...fields,
});
const record = (fields: Partial<MirrorRecord>): MirrorRecord => ({
  trackedId: 1,
  watermark: null,
  watermarkAgeSeconds: null,
  openRun: null,
  lastDelta: null,
  lastFull: null,
  changes: { read: 0, timestamps: 0 },
  sizes: null,
  ...fields,
});

interface Case {
  says: string;
  remembered: MirrorRecord | null;
  state: MirrorState | null;
  ledgerSample?: "empty" | "present" | "missing";
  rows?: number;
  kind: string;
}

const CASES: Case[] = [
  {
    says: "neither side knows anything",
    remembered: null,
    state: null,
    rows: 0,
    ledgerSample: "empty",
    kind: "first",
  },
  {
    says: "the first run never got to Convex",
    remembered: record({ openRun: openRun({}) }),
    state: null,
    rows: 0,
    kind: "first",
  },
  {
    says: "Convex forgot",
    remembered: record({ watermark: watermark("end") }),
    state: null,
    rows: 0,
    kind: "disagreed",
  },
  {
    says: "both know the same end",
    remembered: record({ watermark: watermark("end") }),
    state: state("end"),
    kind: "agreed",
  },
  {
    says: "Postgres is older",
    remembered: record({ watermark: watermark("older") }),
    state: state("end"),
    kind: "disagreed",
  },
  { says: "Postgres knows nothing", remembered: null, state: state("end"), kind: "disagreed" },
  {
    says: "Postgres knows of a run that failed before it began",
    remembered: record({}),
    state: state("end"),
    kind: "disagreed",
  },
  {
    says: "Convex holds the start of the end's run",
    remembered: record({ watermark: watermark("end") }),
    state: state("end", { running: true }),
    kind: "disagreed",
  },
  {
    says: "a run began on both sides",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ priorNonce: "end" }) }),
    state: state("run", { running: true }),
    kind: "interrupted",
  },
  {
    says: "a run began in Postgres alone",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ priorNonce: "end" }) }),
    state: state("end"),
    kind: "interrupted",
  },
  {
    says: "a run resumed another, and began in Postgres alone",
    remembered: record({ openRun: openRun({ nonce: "second", priorNonce: "run" }) }),
    state: state("run", { running: true }),
    kind: "interrupted",
  },
  {
    says: "a run announced its end, and Convex did not hear it",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ finalNonce: "final" }) }),
    state: state("run", { running: true }),
    kind: "interrupted",
  },
  {
    says: "a run ended in Convex, and Postgres did not hear it",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ finalNonce: "final" }) }),
    state: state("final"),
    kind: "ended",
  },
  {
    says: "the announced end is that of a run going on, which cannot be",
    remembered: record({ openRun: openRun({ finalNonce: "final" }) }),
    state: state("final", { running: true }),
    kind: "disagreed",
  },
  {
    says: "a run began in Postgres, and Convex knows quite another",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ priorNonce: "end" }) }),
    state: state("other", { running: true }),
    kind: "disagreed",
  },
  {
    says: "the watermark is that of a resumed run, which has no name",
    remembered: record({ watermark: watermark(null) }),
    state: state("end"),
    kind: "disagreed",
  },
  {
    says: "the mirror is another source's",
    remembered: record({ watermark: watermark("end") }),
    state: state("end", { lineage: "other" }),
    kind: "foreign",
  },
  {
    says: "the mirror is another source's, and Postgres knows nothing",
    remembered: null,
    state: state("end", { lineage: "other" }),
    kind: "foreign",
  },
  {
    says: "a document of the ledger is gone",
    remembered: record({ watermark: watermark("end") }),
    state: state("end"),
    ledgerSample: "missing",
    kind: "documents gone",
  },
  {
    says: "the ledger was emptied",
    remembered: record({ watermark: watermark("end") }),
    state: state("end"),
    ledgerSample: "empty",
    kind: "documents gone",
  },
  {
    says: "ledger and counts were emptied",
    remembered: record({ watermark: watermark("end") }),
    state: state("end"),
    ledgerSample: "empty",
    rows: 0,
    kind: "documents gone",
  },
  {
    says: "there are other rows than the last run left",
    remembered: record({ watermark: watermark("end") }),
    state: state("end"),
    rows: 4,
    kind: "documents gone",
  },
  {
    says: "there are other rows than before an interrupted run",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ priorNonce: "end" }) }),
    state: state("run", { running: true }),
    rows: 9,
    kind: "interrupted",
  },
  {
    says: "an interrupted run saw another history of the database",
    remembered: record({
      watermark: watermark("end"),
      openRun: openRun({ priorNonce: "end", history: "2/-" }),
    }),
    state: state("run", { running: true }),
    kind: "disagreed",
  },
  {
    says: "Convex has what is acknowledged, or more",
    remembered: record({ openRun: openRun({ cursor: { acknowledged: { nonce: "run", fence: "3" } } }) }),
    state: state("run", { running: true, fence: 3n }),
    kind: "interrupted",
  },
  {
    says: "Convex is behind what it has acknowledged",
    remembered: record({ openRun: openRun({ cursor: { acknowledged: { nonce: "run", fence: "3" } } }) }),
    state: state("run", { running: true, fence: 2n }),
    kind: "disagreed",
  },
  {
    says: "what was acknowledged was acknowledged to the run before",
    remembered: record({
      openRun: openRun({ priorNonce: "old", cursor: { acknowledged: { nonce: "old", fence: "3" } } }),
    }),
    state: state("run", { running: true, fence: 0n }),
    kind: "interrupted",
  },
  {
    says: "the run that was to resume never began, and Convex is behind the one before",
    remembered: record({
      openRun: openRun({ priorNonce: "old", cursor: { acknowledged: { nonce: "old", fence: "3" } } }),
    }),
    state: state("old", { running: true, fence: 1n }),
    kind: "disagreed",
  },
  {
    says: "Convex has not seen the run that has told it something",
    remembered: record({
      watermark: watermark("end"),
      openRun: openRun({ priorNonce: "end", cursor: { acknowledged: { nonce: "run", fence: "0" } } }),
    }),
    state: state("end"),
    kind: "disagreed",
  },
  {
    says: "what was acknowledged was acknowledged to the run before last",
    remembered: record({
      openRun: openRun({ priorNonce: "old", cursor: { acknowledged: { nonce: "older", fence: "3" } } }),
    }),
    state: state("old", { running: true, fence: 0n }),
    kind: "interrupted",
  },
  {
    says: "Convex knows the last end, but neither the interrupted run nor the one that was to go on with it",
    remembered: record({ watermark: watermark("end"), openRun: openRun({ priorNonce: "old" }) }),
    state: state("end"),
    kind: "disagreed",
  },
  {
    says: "an empty mirror is as it was left",
    remembered: record({ watermark: watermark("end") }),
    state: state("end", { rows: 0 }),
    ledgerSample: "empty",
    rows: 0,
    kind: "agreed",
  },
];

describe("invariants 3 and 6: what the two sides' memories allow", () => {
  test.each(CASES)("$says: $kind", ({ remembered, state, ledgerSample = "present", rows = 5, kind }) => {
    const agreement = compareMemories(remembered, { state, ledgerSample, rows }, SOURCE);
    const name =
      agreement.kind === "disagreed" && agreement.documentsGone ? "documents gone" : agreement.kind;
    expect(name).toBe(kind);
    if (agreement.kind === "disagreed") expect(agreement.reason).toMatch(/\w{3,} \w+/);
  });
});
