import { and, eq, getTableColumns, sql } from "drizzle-orm";
import { mirrors } from "../../drizzle/state.js";
import type { RunMode } from "../model/report.js";
import type { StoredMirror } from "./stored-mirror.js";
import { utcText } from "./utc-text.js";

/** What a run has finished with: where the next one begins. */
export interface Watermark {
  snapshot: string;
  /** ISO 8601, UTC. */
  at: string;
  /** What that run saw of the catalog; opaque here, as the flow wrote it. */
  seen: unknown;
  /** The name that both sides gave the end of that run; null when it was ended by the run that resumed it. */
  nonce: string | null;
}

/** A run that has begun and not ended. */
export interface OpenRun {
  nonce: string;
  /** The nonce that Convex held when the run began; null: none. */
  priorNonce: string | null;
  mode: RunMode;
  snapshot: string;
  snapshotAt: string;
  /** What it saw of the catalog; opaque here. */
  seen: unknown;
  history: string;
  /** As the flow left it with `saveCursor` or `advanceRun`; opaque here. */
  cursor: unknown;
  /** Set from the moment before Convex is told the end. */
  finalNonce: string | null;
}

export interface MirrorRecord {
  /** The tracked table whose log is kept for it. */
  trackedId: number;
  watermark: Watermark | null;
  /** Seconds since the watermark's time, by the database's clock. */
  watermarkAgeSeconds: number | null;
  openRun: OpenRun | null;
  lastDelta: { at: string; outcome: string } | null;
  lastFull: { at: string; outcome: string } | null;
  /** Entries of the change log that finished runs have read, and those of a timestamp alone. */
  changes: { read: number; timestamps: number };
  /** Mean sizes of a document, as Convex counts it, and of a key's text; null before rows were sent. */
  sizes: { documentBytes: number; keyBytes: number } | null;
}

export type ReadRow = typeof mirrors.$inferSelect & { watermarkAgeSeconds: string | null };

/** Every column, times as ISO 8601. */
export const RECORD_COLUMNS = {
  ...getTableColumns(mirrors),
  watermarkAt: utcText(mirrors.watermarkAt),
  watermarkAgeSeconds: sql<
    string | null
  >`greatest(0, extract(epoch FROM clock_timestamp() - ${mirrors.watermarkAt}))::text`,
  runSnapshotAt: utcText(mirrors.runSnapshotAt),
  lastDeltaAt: utcText(mirrors.lastDeltaAt),
  lastFullAt: utcText(mirrors.lastFullAt),
};

export async function readMirrorRecord(mirror: StoredMirror): Promise<MirrorRecord | null> {
  const rows = await mirror.database.executeDrizzle(`reading the watermark of ${mirror.name}`, (db) =>
    db
      .select(RECORD_COLUMNS)
      .from(mirrors)
      .where(and(eq(mirrors.targetId, mirror.targetId), eq(mirrors.name, mirror.name))),
  );
  return rows[0] ? toRecord(rows[0]) : null;
}

export function toRecord(row: ReadRow): MirrorRecord {
  return {
    trackedId: Number(row.trackedId),
    watermarkAgeSeconds: row.watermarkAgeSeconds === null ? null : Number(row.watermarkAgeSeconds),
    watermark:
      row.watermark !== null
        ? {
            snapshot: row.watermark,
            at: row.watermarkAt!,
            seen: row.seen,
            nonce: row.nonce,
          }
        : null,
    openRun:
      row.runNonce !== null
        ? {
            nonce: row.runNonce,
            priorNonce: row.runPriorNonce,
            mode: row.runMode!,
            snapshot: row.runSnapshot!,
            snapshotAt: row.runSnapshotAt!,
            seen: row.runSeen,
            history: row.runHistory!,
            cursor: row.runCursor,
            finalNonce: row.runFinalNonce,
          }
        : null,
    lastDelta: row.lastDeltaAt ? { at: row.lastDeltaAt, outcome: row.lastDeltaOutcome! } : null,
    lastFull: row.lastFullAt ? { at: row.lastFullAt, outcome: row.lastFullOutcome! } : null,
    changes: { read: Number(row.changesRead), timestamps: Number(row.timestampsRead) },
    sizes:
      row.documentBytes === null
        ? null
        : { documentBytes: Number(row.documentBytes), keyBytes: Number(row.keyBytes) },
  };
}
