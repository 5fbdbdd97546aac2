import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import type { MirrorSource } from "../../src/model/mirror-source.js";
import type { Sight } from "../../src/model/sight.js";
import type { MirrorRecord, OpenRun, Watermark } from "../../src/state/mirror-record.js";
import type { Agreement } from "../../src/sync/agreement.js";
import { planRun, type Situation } from "../../src/sync/plan-run.js";

/** What is seen, remembered and agreed on, of which a run is planned. */
export const sight: Sight = {
  trackedId: 1,
  generation: 3,
  fingerprint: "f",
  files: "g",
  partitions: "",
  unnoticed: null,
};
export const sourceSeen = (now: Sight) =>
  ({
    name: "t",
    fingerprint: now.fingerprint,
    tracking: { id: now.trackedId, generation: now.generation, problem: null },
    sight: now,
  }) as MirrorSource;
export const watermark: Watermark = {
  snapshot: "10:10:",
  at: "2026-01-01T00:00:00Z",
  seen: sight,
  nonce: "end",
};
export const open: OpenRun = {
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
export const EMPTY = { rows: 0, ledgerSample: "empty", tableEmpty: true } as const;
export const STRANGERS = { ...EMPTY, tableEmpty: false } as const;
export const loadCursor = { kind: "load", after: "k" };
export const deltaCursor = { kind: "delta", at: { xid: "15", id: "7" } };
export const compareCursor = {
  kind: "compare",
  phase: "rows",
  after: "k",
  pass: "run",
  listed: 0,
  expected: 5,
};
export const SAW_OTHERWISE: Partial<Sight>[] = [
  { generation: 2 },
  { fingerprint: "g" },
  { trackedId: 2 },
  { files: "h" },
  { partitions: "9" },
  { unnoticed: "row-level security" },
  { unsteady: true },
];

export function plan(
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
    sizes: null,
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

export const agreed: Agreement = { kind: "agreed" };
export const interrupted: Agreement = { kind: "interrupted" };
export const disagreed: Agreement = { kind: "disagreed", reason: "because", documentsGone: false };
export const gone: Agreement = { kind: "disagreed", reason: "because", documentsGone: true };
export const compare = { kind: "compare" };
