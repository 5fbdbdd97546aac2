import type { Random } from "../local/data/random.js";
import { randomStep, sync, type Step } from "./steps.js";
import { randomBatchMoment } from "./call-faults.js";
import { randomRemoval } from "./removals.js";
import {
  ALTERATIONS,
  DRIFTS,
  alterations,
  drifts,
  comparisons,
  deployments,
  lastTriggers,
  partitions,
  shapes,
  swaps,
} from "./scripts-of-changes.js";
import type { Altering } from "./owner.js";
import type { Companions } from "./companions.js";
import type { Needs } from "./tables.js";

/** What happens in a seed, drawn before it begins. */
export interface Script {
  scenario: Scenario;
  /** Whether writers truncate now and then: it makes the next run a full one, which would hide what a delta missed. */
  truncates: boolean;
  /** Whole seeds of it: one synchronous commit writes what all others have left in memory. */
  asynchronous: boolean;
  steps: Step[];
  /**
   * Writers stop before this step, or when all steps are over. Rows that go on changing mend what a fault has done to
   * them; what is left alone stays as it is until the end.
   */
  quietFrom: number;
  /** What the owner makes of the tables meanwhile. */
  altering: Altering | null;
  /** What works beside the runs all the time. */
  companions: Companions | null;
}

/**
 * Faults that need several things to come together hardly meet them by chance. Each scenario but the first brings together
 * what one kind of fault needs, and leaves to chance when.
 */
export const SCENARIOS = [
  "anything",
  "kills",
  "crashes",
  "late calls",
  "truncations",
  "deletions",
  "comparisons",
  "partitions",
  "swaps",
  "shapes",
  "deployments",
  "last triggers",
  "drifts",
  "alterations",
  "a watch",
  "workers",
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** In rotation, so that any thirty-two seeds in a row have each scenario on either version of Postgres. */
export function scenarioOf(seed: number): Scenario {
  return SCENARIOS[Math.floor(seed / 2) % SCENARIOS.length]!;
}

/** What its tables have to have. */
export function needsOf(scenario: Scenario): Needs {
  switch (scenario) {
    case "partitions":
      return { form: "partitions" };
    case "drifts":
    case "alterations":
      return { other: true };
    case "shapes":
      return { sqlType: "mood", reshaped: true };
    case "deployments":
      return { other: true, reshaped: true };
    default:
      return {};
  }
}

export function randomScript(scenario: Scenario, random: Random): Script {
  const made = {
    truncates: false,
    asynchronous: false,
    altering: null,
    companions: null,
    ...SCRIPTS[scenario](random),
  };
  return { scenario, ...made, ...alterAsWell(made, random) };
}

/** In some seeds of each scenario; not where its catalog's rows, which are flushed, would keep what a crash takes back. */
function alterAsWell(
  { steps, altering, asynchronous }: Omit<Script, "scenario">,
  random: Random,
): Partial<Script> {
  if (altering !== null || asynchronous || random.chance(0.7)) return {};
  return {
    steps: steps.map((step) => ({ ...step, asRunner: random.chance(0.1) })),
    altering: { kinds: random.pick([ALTERATIONS, DRIFTS]), pauseMs: random.pick([500, 2000]) },
  };
}

export type MakeScript = (random: Random) => Partial<Script> & Pick<Script, "steps" | "quietFrom">;

const SCRIPTS: Record<Scenario, MakeScript> = {
  anything(random) {
    const truncates = random.chance(0.3);
    const asynchronous = random.chance(0.3);
    const compares = random.chance(0.4);
    const count = random.integer(2, 3);
    const steps = Array.from({ length: count }, () =>
      randomStep(random, { compares, crashes: asynchronous }),
    );
    return { truncates, asynchronous, steps, quietFrom: random.integer(1, count) };
  },

  /** A run that is killed between two pages, or before its batch has arrived, and the run that goes on where it stopped. */
  kills(random) {
    const killed = (pageRows: string, calls: number): Step => ({
      ...sync(random, { pageRows, callFaults: random.chance(0.3) }),
      interruption: { kind: "kill", moment: randomBatchMoment(random, calls) },
    });
    const last = sync(random, { callFaults: random.chance(0.3) });
    return random.chance(0.5)
      ? { steps: [killed(random.pick(["2", "7"]), 8), killed("2", 8), last], quietFrom: 1 }
      : { steps: [sync(random), killed("2", 8), last], quietFrom: random.integer(1, 2) };
  },

  /** Postgres loses what a run has seen and sent: nothing may be flushed between the two, by whomever. */
  crashes(random) {
    const crashed = (): Step => {
      const moment = randomBatchMoment(random, 3);
      // By then Postgres is down, before the run writes another word to it.
      const fault = { kind: "delay", delayMs: 500 } as const;
      const point = random.pick(["afterCommit", "beforeAnswer"] as const);
      return {
        // Each renewal of the lease would flush.
        ...sync(random, { pageRows: random.pick(["7", "500", "500"]), leaseSeconds: 4 }),
        freshRows: true,
        interruption: { kind: "restart", moment: { ...moment, point, fault } },
      };
    };
    return { asynchronous: true, steps: [sync(random), crashed(), crashed()], quietFrom: 3 };
  },

  /**
   * A run that goes on where another stopped reads what changes meanwhile a second time. Batches of the first reading
   * are late, and are committed when those of the second are acknowledged.
   */
  "late calls"(random) {
    const killed: Step = {
      ...sync(random, { pageRows: random.pick(["7", "500"]) }),
      interruption: { kind: "kill", moment: randomBatchMoment(random, 3) },
    };
    const late: Step = {
      ...sync(random, { pageRows: random.pick(["7", "500"]), callFaults: true }),
      batchLateness: 0.4,
    };
    return { steps: [sync(random), killed, late], quietFrom: 3 };
  },

  /** A TRUNCATE that commits in the middle of a run's beginning: whatever waits for its lock goes on then. */
  truncations(random) {
    const truncated: Step = { ...sync(random), removal: randomRemoval(random, "truncate") };
    const steps = [sync(random), truncated, sync(random, { callFaults: random.chance(0.3) })];
    return { steps, quietFrom: random.integer(1, 2), truncates: random.chance(0.2) };
  },

  /** The guard holds many deletions back; a run that may make them is killed before it is done. */
  deletions(random) {
    const purged: Step = { ...sync(random), removal: randomRemoval(random, "purge") };
    const killed: Step = {
      ...sync(random, { allowDeletes: true, callFaults: random.chance(0.3) }),
      interruption: { kind: "kill", moment: randomBatchMoment(random, 3) },
    };
    return { steps: [sync(random), purged, killed], quietFrom: random.integer(1, 3) };
  },

  comparisons,
  partitions,
  swaps,
  shapes,
  deployments,
  "last triggers": lastTriggers,
  drifts,
  alterations,

  "a watch": (random) => beside(random, "a watch"),
  workers: (random) => beside(random, "workers"),
};

/** Runs by hand and by cron, some of them killed, beside processes that work on the same tables all the time. */
function beside(random: Random, companions: Companions): ReturnType<MakeScript> {
  const count = random.integer(3, 5);
  const steps = Array.from({ length: count }, () => randomStep(random, { compares: true, crashes: false }));
  return { companions, steps, quietFrom: random.integer(2, count), truncates: random.chance(0.3) };
}
