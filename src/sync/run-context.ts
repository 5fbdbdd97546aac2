import { LIMITS } from "../../convex/datahubSync/protocol.js";
import type { Clock } from "../model/clock.js";
import type { MirrorConfig, Settings } from "../model/config.js";
import type { Database } from "../postgres/database.js";
import type { ProgressListener } from "../model/report.js";
import { CallBudget } from "../sink/call-budget.js";
import type { ConvexSink } from "../sink/convex-sink.js";
import type { WritePacer } from "../sink/write-pacer.js";
import type { LeaseToken } from "../state/lease.js";
import type { SourceIdentity } from "../source/source-identity.js";
import type { RunEffects } from "./run-effects.js";
import type { RunOptions } from "./run-options.js";

/** What all tables of a run share. */
export interface RunContext {
  database: Database;
  sink: ConvexSink;
  /** What it does to Postgres. */
  effects: RunEffects;
  pacer: WritePacer | null;
  /** Calls and batches of the mirrors that are written at the same time. */
  budget: CallBudget;
  clock: Clock;
  settings: Settings;
  /** All that are configured, run or not: those over one table are tracked together. */
  allMirrors: readonly MirrorConfig[];
  /** The deployment's URL, by which tracking knows whom it is for. */
  target: string;
  listener: ProgressListener;
  /** Of the source when the run began, as the two below. */
  lineage: string;
  timeline: string;
  history: string;
  /** The lease as it is now: the epoch may be raised while the run goes on. */
  lease: LeaseToken;
  /** Resolves when the lease is held; rejects with LEASE_LOST. */
  ensureLease: () => Promise<void>;
  /** Aborts with a SyncError that says why: interrupted, deadline, lease lost. */
  signal: AbortSignal;
  /** The run's end at the latest, by the clock. */
  deadlineAt: number;
}

/** What differs between a run and a dry run. */
export interface RunParts extends Pick<
  RunContext,
  "database" | "sink" | "pacer" | "lease" | "ensureLease" | "signal"
> {
  identity: SourceIdentity;
  startedAtMs: number;
  /** What it does to Postgres, by the lease that the context has at the time. */
  createEffects: (context: RunContext) => RunEffects;
}

export function createRunContext(
  { config, clock, progress }: Pick<RunOptions, "config" | "clock" | "progress">,
  { identity, startedAtMs, createEffects, ...parts }: RunParts,
): RunContext {
  const { lineage, timeline, history } = identity;
  const { settings, allMirrors, target } = config;
  const context: Omit<RunContext, "effects"> = {
    ...parts,
    budget: new CallBudget(Math.min(settings.maxInFlight, LIMITS.slots)),
    clock,
    settings,
    allMirrors,
    target,
    lineage,
    timeline,
    history,
    listener: progress,
    deadlineAt: startedAtMs + settings.runDeadlineMs,
  };
  return Object.assign(context, { effects: createEffects(context as RunContext) });
}
