import type { Database } from "../postgres/database.js";
import { announceEnds, commitWatermarks } from "../state/end-run.js";
import type { LeaseToken } from "../state/lease.js";
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
  countSetAside,
  findSetAside,
  forgetSetAside,
  setRowAside,
  setAsideKeys,
} from "../state/set-aside-rows.js";
import { heldMirror } from "../state/stored-mirror.js";
import { makeDeletions } from "./deletion-pass.js";
import { healTracking } from "./heal-tracking.js";
import type { RunContext } from "./run-context.js";
import type { MirrorEffects, RunEffects } from "./run-effects.js";

/** What a run does, done. The lease is looked up each time: its epoch may have been raised. */
export function effectsInPostgres(context: RunContext): RunEffects {
  const held = (): [Database, LeaseToken] => [context.database, context.lease];
  return {
    registerMirrors: (tables) => registerMirrors(...held(), tables),
    heal: (config, source) => healTracking(context, config, source),
    openRuns: (runs) => openRuns(...held(), runs),
    announceEnds: (ends, witness) => announceEnds(...held(), ends, witness),
    commitWatermarks: (ends) => commitWatermarks(...held(), ends),
    of: (name) => ofMirror(context, name),
  };
}

function ofMirror(context: RunContext, name: string): MirrorEffects {
  const mirror = heldMirror(context, name);
  return {
    readRecord: () => readMirrorRecord(mirror),
    saveCursor: (cursor, seen) => saveCursor(mirror, cursor, seen),
    markUnsteady: () => markUnsteady(mirror),
    advanceRun: (step) => advanceRun(mirror, step),
    recordFailure: (mode, outcome) => recordFailure(mirror, mode, outcome),
    recordDeletions: (_run, kind, keys, foundBy) => addPendingDeletions(mirror, kind, keys, foundBy),
    confirmDeletions: (_run, kind, foundBy) => forgetUnconfirmedDeletions(mirror, kind, foundBy),
    makeDeletions: (run, options) => makeDeletions(run, mirror, options),
    setRowAside: (row) => setRowAside(mirror, row),
    forgetSetAside: (keys) => forgetSetAside(mirror, keys),
    countSetAside: () => countSetAside(mirror),
    findSetAside: (keys) => findSetAside(mirror, keys),
    setAsideKeys: (limit) => setAsideKeys(mirror, limit),
  };
}
