import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { Notice, RunMode } from "../report.js";
import type { MirrorSource } from "../source/mirror-source.js";
import { parseSnapshot, type Snapshot } from "../source/snapshot.js";
import type { ChangeCursor } from "../source/table-reader.js";
import type { MirrorRecord, OpenRun } from "../state/mirror-record.js";
import type { Agreement } from "./agreement.js";
import type { DeltaCursor } from "./delta-pass.js";
import type { LoadCursor } from "./load-pass.js";

/** What a table's run does, decided before a row moves. */
export type Work =
  /** Everything, into an empty mirror. */
  | { kind: "load"; after: string | null }
  | { kind: "delta"; watermark: Snapshot; cursor: ChangeCursor | null }
  | { kind: "compare" };

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
  /** A TRUNCATE, or a deletion whose key is not known, since the watermark. */
  comparisonNeeded: "truncate" | "unknown" | null;
}

/** Decides between a first load, a delta and a comparison, and says why where it is not what was asked for. */
export function planRun(situation: Situation): RunPlan {
  const { requested, source, record, handshake, agreement } = situation;
  const notices: Notice[] = [];
  const full = requested === "deep" ? "deep" : "full";
  const mirrorEmpty = handshake.rows === 0 && handshake.ledgerSample === "empty";
  const open = agreement.kind === "interrupted" ? usable(record!.openRun, source) : null;
  const base = { resumed: null, voidWatermark: false, recordStrangers: false, notices };

  if (agreement.kind === "disagreed" || agreement.kind === "foreign") {
    const reason =
      agreement.kind === "foreign" ? "it was taken over from another database" : agreement.reason;
    notices.push({ code: "BECAME_FULL", message: `This run compares everything: ${reason}.` });
    const documentsGone = agreement.kind === "disagreed" && agreement.documentsGone;
    // Without documents in the ledger, those of the table may be our own of before, or anybody's.
    const recordStrangers = mirrorEmpty && !handshake.tableEmpty && !documentsGone;
    const mode = documentsGone ? "deep" : full;
    return { ...base, work: { kind: "compare" }, mode, voidWatermark: true, recordStrangers };
  }

  const cursor = open?.cursor as LoadCursor | DeltaCursor | null | undefined;
  if (cursor?.kind === "load" && open) {
    notices.push({ code: "RESUMED", message: "The interrupted first load goes on where it stopped." });
    // Before its first page it may not have got to the end of what was there before it.
    const recordStrangers = cursor.after === null && !handshake.tableEmpty;
    const work: Work = { kind: "load", after: cursor.after };
    return { ...base, work, mode: full, resumed: open, recordStrangers };
  }
  const watermark = record?.watermark ?? null;
  if (watermark === null) {
    if (mirrorEmpty) {
      const recordStrangers = !handshake.tableEmpty;
      return { ...base, work: { kind: "load", after: null }, mode: full, recordStrangers };
    }
    // A run that was to mend the documents, and crashed, has left that to this one.
    const mode = record?.openRun?.mode === "deep" ? "deep" : full;
    return { ...base, work: { kind: "compare" }, mode };
  }
  if (requested !== "delta") return { ...base, work: { kind: "compare" }, mode: full };

  const reason = whyFull(situation, watermark);
  if (reason !== null) {
    notices.push({ code: "BECAME_FULL", message: `This run compares everything: ${reason}.` });
    return { ...base, work: { kind: "compare" }, mode: "full" };
  }
  const from = parseSnapshot(watermark.snapshot);
  if (open?.mode === "delta") {
    notices.push({ code: "RESUMED", message: "The interrupted run goes on where it stopped." });
    const at = cursor?.kind === "delta" ? cursor.at : null;
    return { ...base, work: { kind: "delta", watermark: from, cursor: at }, mode: "delta", resumed: open };
  }
  return { ...base, work: { kind: "delta", watermark: from, cursor: null }, mode: "delta" };
}

/** An open run is worth going on with only if it saw the table tracked and shaped as it is now. */
function usable(open: OpenRun | null, source: MirrorSource): OpenRun | null {
  if (open === null || open.fingerprint !== source.fingerprint) return null;
  if (open.files !== source.tracking!.files || source.unmarked !== null) return null;
  return open.generation === source.tracking!.generation ? open : null;
}

function whyFull(
  { source, comparisonNeeded }: Situation,
  watermark: { generation: number; fingerprint: string; files: string | null },
): string | null {
  if (watermark.generation !== source.tracking!.generation)
    return "the table was tracked anew since the last run";
  if (watermark.fingerprint !== source.fingerprint) return "the shape of its documents has changed";
  if (comparisonNeeded === "truncate") return "the table was truncated";
  if (comparisonNeeded === "unknown") return "rows were deleted whose keys could not be recorded";
  if (source.unmarked !== null) return source.unmarked;
  if (watermark.files !== source.tracking!.files)
    return `the table was rewritten${source.isView ? ", or the view replaced," : ""} since the last run, which fires no trigger`;
  return null;
}
