import type { SQL } from "drizzle-orm";
import type { MirrorConfig } from "../model/config.js";
import type { SyncError } from "../model/errors.js";
import type { MirrorSource } from "../model/mirror-source.js";
import type { Notice, RunMode } from "../model/report.js";
import type { EndToAnnounce, EndToCommit } from "../state/end-run.js";
import type { MirrorRecord } from "../state/mirror-record.js";
import type { Moment, RunToOpen } from "../state/open-run.js";
import type { DeletionKind } from "../state/pending-deletions.js";
import type { SetAsideRow } from "../state/set-aside-rows.js";
import type { MirrorRun } from "./mirror-run.js";

export interface Healing {
  healed: boolean;
  notice: Notice;
  /** Of a dry run, which has changed nothing: the source as it would be now. */
  foresee?: (source: MirrorSource) => MirrorSource;
}

export interface DeletionOptions {
  /** Documents in the mirror when the run began. */
  documentsBefore: number;
  /** `--allow-deletes` names this table. */
  allowed: boolean;
  /** Documents that were there before may go, whatever the guard says of the mirror's own. */
  strangersToo: boolean;
}

/**
 * Everything that a run does to Postgres, and what it asks of that afterwards. A dry run does none of it, and answers as
 * if it had been done; what decides and what reads rows is the same code for both.
 */
export interface RunEffects {
  registerMirrors(tables: readonly { name: string; trackedId: number }[]): Promise<void>;
  /** Tracks a table anew that has drifted away from its tracking. */
  heal(config: MirrorConfig, source: MirrorSource): Promise<Healing>;
  /** @returns the mirrors of which something was remembered */
  openRuns(runs: readonly RunToOpen[]): Promise<Set<string>>;
  announceEnds(
    ends: readonly EndToAnnounce[],
    witness: SQL,
  ): Promise<{ witness: string; refused: Map<string, SyncError> }>;
  /** @returns the mirrors whose watermark could not be moved, and why */
  commitWatermarks(ends: readonly EndToCommit[]): Promise<Map<string, SyncError>>;
  /** What is done to one mirror; always the same for the same name. */
  of(name: string): MirrorEffects;
}

/** What a run does to one mirror in Postgres. */
export interface MirrorEffects {
  /** What is remembered of it by now. */
  readRecord(): Promise<MirrorRecord | null>;
  saveCursor(cursor: unknown, seen?: unknown): Promise<void>;
  markUnsteady(): Promise<void>;
  advanceRun(step: { from: Moment; to: Moment; cursor: unknown }): Promise<void>;
  recordFailure(mode: RunMode, outcome: string): Promise<void>;
  /** @param foundBy the name of the pass, where it is not the run's */
  recordDeletions(
    run: MirrorRun,
    kind: DeletionKind,
    keys: readonly string[],
    foundBy?: string,
  ): Promise<void>;
  /** A comparison of everything is complete: deletions of this kind that it has not found are forgotten. */
  confirmDeletions(run: MirrorRun, kind: DeletionKind, foundBy?: string): Promise<void>;
  /** @returns how many were held back */
  makeDeletions(run: MirrorRun, options: DeletionOptions): Promise<number>;
  setRowAside(row: SetAsideRow): Promise<void>;
  forgetSetAside(keys: readonly string[]): Promise<void>;
  countSetAside(): Promise<number>;
  /** Which of these keys earlier runs have set aside. */
  findSetAside(keys: readonly string[]): Promise<string[]>;
  /** Pages of the keys that are set aside, none of them empty. */
  setAsideKeys(limit: number): AsyncIterable<string[]>;
}
