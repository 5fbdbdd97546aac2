import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import type { MirrorSource } from "../model/mirror-source.js";
import type { Notice, RunMode } from "../model/report.js";
import { isSameSight, whyCompare, type Sight } from "../model/sight.js";
import { parseSnapshot, type Snapshot } from "../model/snapshot.js";
import type { ChangeCursor, Unknown } from "../source/change-log.js";
import type { MirrorRecord, OpenRun } from "../state/mirror-record.js";
import type { Agreement } from "./agreement.js";
import type { CompareCursor } from "./compare-pass.js";
import type { DeltaCursor } from "./delta-pass.js";
import type { LoadCursor } from "./load-pass.js";

/** What a table's run does, decided before a row moves. */
export type Work =
  /** Everything, into an empty mirror. */
  | { kind: "load"; after: string | null }
  | { kind: "delta"; watermark: Snapshot; cursor: ChangeCursor | null }
  | { kind: "compare"; from: CompareCursor | null };

export interface RunPlan {
  work: Work;
  mode: RunMode;
  /** The interrupted run that goes on: with its snapshot, not a newer one (invariant 3). */
  resumed: OpenRun | null;
  /** What was remembered cannot be trusted: a crash of this run must leave no watermark to go on from. */
  voidWatermark: boolean;
  /** Documents that were there before the first load are to be recorded first. */
  recordStrangers: boolean;
  /** Documents that were there before become the mirror's first, where a row has their key. */
  adoptStrangers: boolean;
  notices: Notice[];
}

export interface Situation {
  requested: RunMode;
  source: MirrorSource;
  /** After an end that only Convex had heard of was written down. */
  record: MirrorRecord | null;
  handshake: MirrorHandshake;
  agreement: Agreement;
  /** A TRUNCATE, or a change of a key that is not known, since the watermark. */
  unknown: Unknown | null;
  /** Snapshots of before are ahead of the server's transactions: it was reset, or restored. */
  isAhead: boolean;
}

/** What a run finds: what both sides remember, and how far an interrupted run can be gone on with. */
type Standing =
  | Exclude<Agreement["kind"], "interrupted">
  | "ahead"
  | "load interrupted"
  | "comparison interrupted"
  | "interrupted at a watermark"
  | "interrupted before any watermark";

type Decide = (situation: Situation) => RunPlan;

/** Every pair of what is found and what is asked for: one that is left out does not compile. */
const DECISIONS: Record<Standing, Record<RunMode, Decide>> = {
  first: { delta: begin, full: begin, deep: begin },
  agreed: { delta: sendChanges, full: compareAll, deep: compareAll },
  ended: { delta: sendChanges, full: compareAll, deep: compareAll },
  "load interrupted": { delta: goOnLoading, full: goOnLoading, deep: goOnLoading },
  "comparison interrupted": { delta: goOnComparing, full: goOnComparing, deep: goOnComparing },
  "interrupted at a watermark": { delta: sendChanges, full: compareAll, deep: compareAll },
  "interrupted before any watermark": { delta: begin, full: begin, deep: begin },
  disagreed: { delta: distrust, full: distrust, deep: distrust },
  foreign: { delta: distrust, full: distrust, deep: distrust },
  ahead: { delta: distrust, full: distrust, deep: distrust },
};

/** Decides between a first load, a delta and a comparison, and says why where it is not what was asked for. */
export function planRun(situation: Situation): RunPlan {
  return DECISIONS[standingOf(situation)][situation.requested](situation);
}

function standingOf(situation: Situation): Standing {
  const { agreement, record, isAhead } = situation;
  if (agreement.kind === "disagreed" || agreement.kind === "foreign") return agreement.kind;
  if (isAhead) return "ahead";
  const cursor = resumable(situation)?.cursor as Cursor | undefined;
  if (cursor?.kind === "load") return "load interrupted";
  if (cursor?.kind === "compare") return "comparison interrupted";
  const atWatermark = (record?.watermark ?? null) !== null;
  if (agreement.kind !== "interrupted") return atWatermark ? agreement.kind : "first";
  return atWatermark ? "interrupted at a watermark" : "interrupted before any watermark";
}

type Cursor = LoadCursor | DeltaCursor | CompareCursor | null;

/** The interrupted run, if what it saw of the table holds. */
function resumable({ agreement, record, source }: Situation): OpenRun | null {
  const left = record?.openRun ?? null;
  if (agreement.kind !== "interrupted" || left === null) return null;
  return isSameSight(left.seen as Sight, source.sight) ? left : null;
}

const PLAIN = { resumed: null, voidWatermark: false, recordStrangers: false, adoptStrangers: false } as const;

/**
 * A comparison that takes documents of before over first. What it takes over unequal no delta would find, so that a crash must
 * leave no watermark to go on from. Where documents of the mirror's own are gone, it brings them back, as any run would.
 */
export function planAdoption(situation: Situation): RunPlan {
  const { mode, notices } = planRun(situation);
  return {
    ...PLAIN,
    work: { kind: "compare", from: null },
    mode: mode === "deep" ? "deep" : "full",
    voidWatermark: true,
    adoptStrangers: true,
    notices: notices.filter(({ code }) => code === "BECAME_FULL"),
  };
}

/** As far as what is asked for says: a delta that compares is a full run. */
function comparing({ requested }: Situation): RunMode {
  return requested === "deep" ? "deep" : "full";
}

/** Without a watermark: everything, into the mirror if that is empty. */
function begin(situation: Situation): RunPlan {
  const { handshake } = situation;
  if (!isEmpty(handshake)) {
    return { ...PLAIN, work: { kind: "compare", from: null }, mode: unlessLeftDeep(situation), notices: [] };
  }
  return {
    ...PLAIN,
    work: { kind: "load", after: null },
    mode: comparing(situation),
    recordStrangers: !handshake.tableEmpty,
    notices: [],
  };
}

/** A run that was to mend the documents, and crashed, has left that to this one where there is nothing else to go by. */
function unlessLeftDeep(situation: Situation): RunMode {
  const { record } = situation;
  const leftDeep = (record?.watermark ?? null) === null && record?.openRun?.mode === "deep";
  return leftDeep ? "deep" : comparing(situation);
}

function compareAll(situation: Situation): RunPlan {
  return { ...PLAIN, work: { kind: "compare", from: null }, mode: comparing(situation), notices: [] };
}

/** What was logged since the watermark, from where an interrupted delta stopped; unless that says too little. */
function sendChanges(situation: Situation): RunPlan {
  const { record } = situation;
  const watermark = record!.watermark!;
  const resumed = resumable(situation);
  const reason = whyFull(situation, watermark.seen as Sight, resumed);
  if (reason !== null) return { ...compareAll(situation), notices: [becameFull(reason)] };
  const cursor = (resumed?.cursor ?? null) as Cursor;
  const at = cursor?.kind === "delta" ? cursor.at : null;
  return {
    ...PLAIN,
    work: { kind: "delta", watermark: parseSnapshot(watermark.snapshot), cursor: at },
    mode: "delta",
    resumed,
    notices: resumed === null ? [] : [goesOn("run")],
  };
}

function goOnLoading(situation: Situation): RunPlan {
  const resumed = resumable(situation)!;
  const { after } = resumed.cursor as LoadCursor;
  return {
    ...PLAIN,
    work: { kind: "load", after },
    mode: comparing(situation),
    resumed,
    // Before its first page it may not have got to the end of what was there before it.
    recordStrangers: after === null && !situation.handshake.tableEmpty,
    notices: [goesOn("first load")],
  };
}

function goOnComparing(situation: Situation): RunPlan {
  const resumed = resumable(situation)!;
  const from = resumed.cursor as CompareCursor;
  const mode = unlessLeftDeep(situation);
  return { ...PLAIN, work: { kind: "compare", from }, mode, resumed, notices: [goesOn("comparison")] };
}

/** What was remembered says nothing any more: everything is compared. */
function distrust(situation: Situation): RunPlan {
  const { agreement, handshake } = situation;
  const documentsGone = agreement.kind === "disagreed" && agreement.documentsGone;
  return {
    ...PLAIN,
    work: { kind: "compare", from: null },
    mode: documentsGone ? "deep" : comparing(situation),
    voidWatermark: true,
    // Without documents in the ledger, those of the table may be our own of before, or anybody's.
    recordStrangers: isEmpty(handshake) && !handshake.tableEmpty && !documentsGone,
    notices: [becameFull(whyDistrusted(agreement))],
  };
}

function whyDistrusted(agreement: Agreement): string {
  if (agreement.kind === "foreign") return "it was taken over from another database";
  if (agreement.kind === "disagreed") return agreement.reason;
  return "the last run's position is ahead of this server's transactions: it was reset, or restored";
}

/**
 * @param resumed the interrupted run, if it may go on. One that may not has written something, under whatever it saw:
 *   that the catalog is by now as it was for the watermark says nothing about that.
 */
function whyFull(
  { source, record, unknown }: Situation,
  seen: Sight,
  resumed: OpenRun | null,
): string | null {
  // By which its files are others, too.
  if (unknown === "truncated") return "the table was truncated";
  const reason = whyCompare(seen, source.sight);
  if (reason !== null) return reason;
  if (record!.openRun !== null && resumed?.mode !== "delta") {
    return resumed === null
      ? "an interrupted run saw the table, or what its documents depend on, otherwise than they are now"
      : "a comparison was interrupted";
  }
  if (unknown === "key unknown") return "rows changed whose keys could not be logged";
  return null;
}

function isEmpty({ rows, ledgerSample }: MirrorHandshake): boolean {
  return rows === 0 && ledgerSample === "empty";
}

function becameFull(reason: string): Notice {
  return { code: "BECAME_FULL", message: `This run compares everything: ${reason}.` };
}

function goesOn(what: "run" | "first load" | "comparison"): Notice {
  return { code: "RESUMED", message: `The interrupted ${what} goes on where it stopped.` };
}
