import type { Random } from "../local/data/random.js";
import type { Change } from "./changes.js";
import { randomMoment, type Interruption, type InterruptionKind } from "./call-faults.js";
import type { Removal } from "./removals.js";

export const LEASE_SECONDS = 1;
const shortTimeouts = (leaseSeconds: number) => [
  "--lease-seconds",
  String(leaseSeconds),
  "--call-timeout-seconds",
  "1",
];
export const SHORT_TIMEOUTS = shortTimeouts(LEASE_SECONDS);

/** One run of the command line, with what happens before and beside it. */
export interface Step {
  args: string[];
  /** Of which deployment, where there are two; `both`: the other's runs beside. */
  on: "first" | "other" | "both";
  /** Whether the role that runs it owns none of the tables, and mends nothing. */
  asRunner: boolean;
  /** Of the tables: the configuration that it runs with. */
  shape: number;
  interruption: Interruption | null;
  /** Whether calls to Convex go wrong. */
  callFaults: boolean;
  /** How likely a batch is to be late, whatever the other rates. */
  batchLateness: number;
  /** Begin another run at once, which the lease must keep out or let in, never both. */
  secondRun: boolean;
  /** `--allow-deletes` for all tables. */
  allowDeletes: boolean;
  /** Done to the source as the run begins. */
  removal: Removal | null;
  /** Whether each table gets rows, committed asynchronously, just before the run reads it. */
  freshRows: boolean;
  /** What the owner makes of the tables themselves, before the run or in the middle of it. */
  change: Change | null;
  /** When `migrate` runs, if it does: after the change and before the run, or beside the run. */
  migrates: "before" | "beside" | null;
}

/** A run without faults, unless more is said. */
export function sync(
  random: Random,
  {
    mode = [],
    // Short pages make many of them, and cursors to resume from.
    pageRows = random.pick(["2", "7", "500"]),
    callFaults = false,
    allowDeletes = false,
    leaseSeconds = LEASE_SECONDS,
  }: {
    mode?: string[];
    pageRows?: string;
    callFaults?: boolean;
    allowDeletes?: boolean;
    leaseSeconds?: number;
  } = {},
): Step {
  const output = random.pick([["--json"], ["--verbose"], ["--json", "--verbose"]]);
  const inFlight = random.pick(["1", "4"]);
  return {
    args: [
      "sync",
      ...mode,
      ...output,
      ...shortTimeouts(leaseSeconds),
      "--max-in-flight",
      inFlight,
      "--page-rows",
      pageRows,
    ],
    on: "first",
    asRunner: false,
    shape: 0,
    interruption: null,
    callFaults,
    batchLateness: 0,
    secondRun: false,
    allowDeletes,
    removal: null,
    freshRows: false,
    change: null,
    migrates: null,
  };
}

/**
 * @param compares whether some runs are full ones: they would mend what a delta has missed
 * @param crashes whether Postgres is what breaks
 */
export function randomStep(
  random: Random,
  { compares, crashes }: { compares: boolean; crashes: boolean },
): Step {
  const mode = compares && random.chance(0.4) ? random.pick([["--full"], ["--full", "--deep"]]) : [];
  const kind = random.pick<InterruptionKind | null>(
    crashes ? [null, "restart"] : [null, null, "kill", "kill", "stop", "terminate", "restart"],
  );
  return {
    ...sync(random, { mode, callFaults: true, allowDeletes: random.chance(0.2) }),
    interruption: kind === null ? null : { kind, moment: randomMoment(random) },
    secondRun: random.chance(0.15),
  };
}
