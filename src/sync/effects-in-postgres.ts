import { announceEnds, commitWatermarks } from "../state/end-run.js";
import { readMirrorRecord } from "../state/mirror-record.js";
import {
  advanceRun,
  markUnsteady,
  openRuns,
  recordFailure,
  registerMirrors,
  saveCursor,
} from "../state/open-run.js";
import { addPendingDeletions, forgetUnconfirmedDeletions } from "../state/pending-deletions.js";
import {
  countRejectedRows,
  forgetRejectedRows,
  recordRejectedRow,
  rejectedKeys,
} from "../state/rejected-rows.js";
import { makeDeletions } from "./deletion-pass.js";
import { healTracking } from "./heal-tracking.js";
import type { RunContext } from "./run-context.js";
import type { RunEffects } from "./run-effects.js";

/** What a run does, done. The lease is looked up each time: its epoch may have been raised. */
export function effectsInPostgres(getContext: () => RunContext): RunEffects {
  const held = () => {
    const { database, lease } = getContext();
    return [database, lease] as const;
  };
  return {
    registerMirrors: (tables) => registerMirrors(...held(), tables),
    heal: (config, source) => healTracking(getContext(), config, source),
    openRuns: (runs) => openRuns(...held(), runs),
    saveCursor: (name, cursor, seen) => saveCursor(...held(), name, cursor, seen),
    markUnsteady: (name) => markUnsteady(...held(), name),
    advanceRun: (name, step) => advanceRun(...held(), name, step),
    recordDeletions: ({ source }, kind, keys, foundBy) =>
      addPendingDeletions(...held(), source.name, kind, keys, foundBy),
    confirmDeletions: ({ source }, kind, foundBy) =>
      forgetUnconfirmedDeletions(...held(), source.name, kind, foundBy),
    makeDeletions,
    recordRejectedRow: (name, row) => recordRejectedRow(...held(), name, row),
    forgetRejectedRows: (name, keys) => forgetRejectedRows(...held(), name, keys),
    countRejectedRows: (name) => countRejectedRows(held()[0], held()[1].targetId, name),
    rejectedKeys: (name, limit) => rejectedKeys(held()[0], held()[1].targetId, name, limit),
    announceEnds: (ends, witness) => announceEnds(...held(), ends, witness),
    commitWatermarks: (ends) => commitWatermarks(...held(), ends),
    recordFailure: (name, mode, outcome) => recordFailure(...held(), name, mode, outcome),
    readRecord: (name) => readMirrorRecord(held()[0], held()[1].targetId, name),
  };
}
