import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { Notice, RunMode } from "../model/report.js";
import type { ChangeCursor, Unknown } from "../source/change-log.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { isSameSight, whyCompare, type Sight } from "../model/sight.js";
import { parseSnapshot, type Snapshot } from "../model/snapshot.js";
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
  notices: Notice[];
}

export interface Situation {
  requested: RunMode;
  source: MirrorSource;
  record: MirrorRecord | null;
  handshake: MirrorHandshake;
  agreement: Agreement;
  /** A TRUNCATE, or a change of a key that is not known, since the watermark. */
  unknown: Unknown | null;
  /** Snapshots of before are ahead of the server's transactions: it was reset, or restored. */
  isAhead: boolean;
}

/** Decides between a first load, a delta and a comparison, and says why where it is not what was asked for. */
export function planRun(situation: Situation): RunPlan {
  const { requested, source, record, handshake, agreement, isAhead } = situation;
  const notices: Notice[] = [];
  const full = requested === "deep" ? "deep" : "full";
  const mirrorEmpty = handshake.rows === 0 && handshake.ledgerSample === "empty";
  const base = { resumed: null, voidWatermark: false, recordStrangers: false, notices };
  const compare: Work = { kind: "compare", from: null };

  if (agreement.kind === "disagreed" || agreement.kind === "foreign" || isAhead) {
    const reason = whyDistrusted(agreement);
    notices.push({ code: "BECAME_FULL", message: `This run compares everything: ${reason}.` });
    const documentsGone = agreement.kind === "disagreed" && agreement.documentsGone;
    // Without documents in the ledger, those of the table may be our own of before, or anybody's.
    const recordStrangers = mirrorEmpty && !handshake.tableEmpty && !documentsGone;
    return {
      ...base,
      work: compare,
      mode: documentsGone ? "deep" : full,
      voidWatermark: true,
      recordStrangers,
    };
  }

  const left = record?.openRun ?? null;
  const open =
    agreement.kind === "interrupted" && left && isSameSight(left.seen as Sight, source.sight) ? left : null;
  const cursor = open?.cursor as LoadCursor | DeltaCursor | CompareCursor | null | undefined;
  if (open && cursor?.kind === "load") {
    notices.push({ code: "RESUMED", message: "The interrupted first load goes on where it stopped." });
    // Before its first page it may not have got to the end of what was there before it.
    const recordStrangers = cursor.after === null && !handshake.tableEmpty;
    const work: Work = { kind: "load", after: cursor.after };
    return { ...base, work, mode: full, resumed: open, recordStrangers };
  }
  const watermark = record?.watermark ?? null;
  // A run that was to mend the documents, and crashed, has left that to this one where there is nothing else to go by.
  const mode = watermark === null && left?.mode === "deep" ? "deep" : full;
  if (open && cursor?.kind === "compare") {
    notices.push({ code: "RESUMED", message: "The interrupted comparison goes on where it stopped." });
    return { ...base, work: { kind: "compare", from: cursor }, mode, resumed: open };
  }
  if (watermark === null) {
    if (!mirrorEmpty) return { ...base, work: compare, mode };
    return {
      ...base,
      work: { kind: "load", after: null },
      mode: full,
      recordStrangers: !handshake.tableEmpty,
    };
  }
  if (requested !== "delta") return { ...base, work: compare, mode: full };

  const reason = whyFull(situation, watermark.seen as Sight, open);
  if (reason !== null) {
    notices.push({ code: "BECAME_FULL", message: `This run compares everything: ${reason}.` });
    return { ...base, work: compare, mode: "full" };
  }
  const from = parseSnapshot(watermark.snapshot);
  if (open) {
    notices.push({ code: "RESUMED", message: "The interrupted run goes on where it stopped." });
    const at = cursor?.kind === "delta" ? cursor.at : null;
    return { ...base, work: { kind: "delta", watermark: from, cursor: at }, mode: "delta", resumed: open };
  }
  return { ...base, work: { kind: "delta", watermark: from, cursor: null }, mode: "delta" };
}

function whyDistrusted(agreement: Agreement): string {
  if (agreement.kind === "foreign") return "it was taken over from another database";
  if (agreement.kind === "disagreed") return agreement.reason;
  return "the last run's position is ahead of this server's transactions: it was reset, or restored";
}

/**
 * @param resumable the interrupted run, if it may go on. One that may not has written something, under whatever it saw:
 *   that the catalog is by now as it was for the watermark says nothing about that.
 */
function whyFull(
  { source, record, unknown }: Situation,
  seen: Sight,
  resumable: OpenRun | null,
): string | null {
  // By which its files are others, too.
  if (unknown === "truncated") return "the table was truncated";
  const reason = whyCompare(seen, source.sight);
  if (reason !== null) return reason;
  if (record!.openRun !== null && resumable?.mode !== "delta") {
    return resumable === null
      ? "an interrupted run saw the table, or what its documents depend on, otherwise than they are now"
      : "a comparison was interrupted";
  }
  if (unknown === "key unknown") return "rows changed whose keys could not be logged";
  return null;
}
