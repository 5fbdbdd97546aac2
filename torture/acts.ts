import type { Random } from "../local/data/random.js";
import type { Change } from "./changes.js";
import { randomMoment, type Blow, type Strike } from "./chaos.js";
import type { Deed } from "./deeds.js";

export const LEASE_SECONDS = 1;
const harsh = (leaseSeconds: number) => [
  ...["--lease-seconds", String(leaseSeconds), "--call-timeout-seconds", "1"],
];
export const HARSH = harsh(LEASE_SECONDS);

export interface Act {
  args: string[];
  /** Of which deployment, where there are two; `both`: the other's runs beside. */
  on: "first" | "other" | "both";
  /** Whether the role that runs it owns none of the tables, and mends nothing. */
  stranger: boolean;
  /** Of the tables: the configuration that it runs with. */
  shape: number;
  strike: Strike | null;
  /** Whether calls to Convex go wrong. */
  weather: boolean;
  /** How likely a batch is to be late, whatever the weather. */
  batchLateness: number;
  /** Begin another run at once, which the lease must keep out or let in, never both. */
  rival: boolean;
  /** `--allow-deletes` for all tables. */
  allowDeletes: boolean;
  /** Done to the source as the run begins. */
  deed: Deed | null;
  /** Whether each table gets rows, committed asynchronously, just before the run reads it. */
  freshRows: boolean;
  /** What the owner makes of the tables themselves, before the run or in the middle of it. */
  change: Change | null;
  /** When `migrate` runs, if it does: after the change and before the run, or beside the run. */
  migrates: "before" | "beside" | null;
}

/** A run that nothing befalls, unless more is said. */
export function sync(
  random: Random,
  {
    mode = [],
    // Short pages make many of them, and cursors to resume from.
    pageRows = random.pick(["2", "7", "500"]),
    weather = false,
    allowDeletes = false,
    leaseSeconds = LEASE_SECONDS,
  }: {
    mode?: string[];
    pageRows?: string;
    weather?: boolean;
    allowDeletes?: boolean;
    leaseSeconds?: number;
  } = {},
): Act {
  const output = random.pick([["--json"], ["--verbose"], ["--json", "--verbose"]]);
  const inFlight = random.pick(["1", "4"]);
  return {
    args: [
      "sync",
      ...mode,
      ...output,
      ...harsh(leaseSeconds),
      "--max-in-flight",
      inFlight,
      "--page-rows",
      pageRows,
    ],
    ...{
      on: "first",
      stranger: false,
      shape: 0,
      strike: null,
      weather,
      batchLateness: 0,
      rival: false,
      allowDeletes,
    },
    ...{ deed: null, freshRows: false, change: null, migrates: null },
  };
}

/**
 * @param compares whether some runs are full ones: they would mend what a delta has missed
 * @param crashes whether Postgres is what breaks
 */
export function randomAct(
  random: Random,
  { compares, crashes }: { compares: boolean; crashes: boolean },
): Act {
  const mode = compares && random.chance(0.4) ? random.pick([["--full"], ["--full", "--deep"]]) : [];
  const blow = random.pick<Blow | null>(
    crashes ? [null, "restart"] : [null, null, "kill", "kill", "stop", "terminate", "restart"],
  );
  return {
    ...sync(random, { mode, weather: true, allowDeletes: random.chance(0.2) }),
    strike: blow === null ? null : { blow, moment: randomMoment(random) },
    rival: random.chance(0.15),
  };
}
