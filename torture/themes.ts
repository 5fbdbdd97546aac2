import type { Random } from "../local/data/random.js";
import { randomAct, sync, type Act } from "./acts.js";
import { randomBatchMoment } from "./chaos.js";
import { randomDeed } from "./deeds.js";
import {
  ALTERATIONS,
  DRIFTS,
  alterations,
  drifts,
  comparisons,
  deployments,
  lastWords,
  partitions,
  shapes,
  swaps,
} from "./scripts-of-changes.js";
import type { Altering } from "./owner.js";
import type { Needs } from "./tables.js";

/** What a seed plays, drawn before it begins. */
export interface Script {
  theme: Theme;
  /** Whether writers truncate now and then: it makes the next run a full one, which would hide what a delta missed. */
  truncates: boolean;
  /** Whole seeds of it: one synchronous commit writes what all others have left in memory. */
  asynchronous: boolean;
  acts: Act[];
  /**
   * Writers stop before this act, or when all acts are over. Rows that go on changing mend what a fault has done to
   * them; what is left alone stays as it is until the end.
   */
  quietFrom: number;
  /** What the owner makes of the tables meanwhile. */
  altering: Altering | null;
}

/**
 * Faults that need several things to come together hardly meet them by chance. Each theme but the first brings together
 * what one kind of fault needs, and leaves to chance when.
 */
export const THEMES = [
  ...(["anything", "kills", "crashes", "late calls", "truncations", "deletions", "comparisons"] as const),
  ...(["partitions", "swaps", "shapes", "deployments", "last words", "drifts", "alterations"] as const),
] as const;
export type Theme = (typeof THEMES)[number];

/** In rotation, so that any twenty-eight seeds in a row play each theme on either version of Postgres. */
export function themeOf(seed: number): Theme {
  return THEMES[Math.floor(seed / 2) % THEMES.length]!;
}

/** What its tables have to have. */
export function needsOf(theme: Theme): Needs {
  switch (theme) {
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

export function randomScript(theme: Theme, random: Random): Script {
  const made = { truncates: false, asynchronous: false, altering: null, ...SCRIPTS[theme](random) };
  return { theme, ...made, ...alterAsWell(made, random) };
}

/** In some seeds of each theme; not where its catalog's rows, which are flushed, would spoil what a crash takes back. */
function alterAsWell(
  { acts, altering, asynchronous }: Omit<Script, "theme">,
  random: Random,
): Partial<Script> {
  if (altering !== null || asynchronous || random.chance(0.7)) return {};
  return {
    acts: acts.map((act) => ({ ...act, stranger: random.chance(0.1) })),
    altering: { kinds: random.pick([ALTERATIONS, DRIFTS]), pauseMs: random.pick([500, 2000]) },
  };
}

export type MakeScript = (random: Random) => Partial<Script> & Pick<Script, "acts" | "quietFrom">;

const SCRIPTS: Record<Theme, MakeScript> = {
  anything(random) {
    const truncates = random.chance(0.3);
    const asynchronous = random.chance(0.3);
    const compares = random.chance(0.4);
    const count = random.integer(2, 3);
    const acts = Array.from({ length: count }, () => randomAct(random, { compares, crashes: asynchronous }));
    return { truncates, asynchronous, acts, quietFrom: random.integer(1, count) };
  },

  /** A run that dies between two pages, or before its batch has arrived, and the run that goes on where it stopped. */
  kills(random) {
    const killed = (pageRows: string, calls: number): Act => ({
      ...sync(random, { pageRows, weather: random.chance(0.3) }),
      strike: { blow: "kill", moment: randomBatchMoment(random, calls) },
    });
    const last = sync(random, { weather: random.chance(0.3) });
    return random.chance(0.5)
      ? { acts: [killed(random.pick(["2", "7"]), 8), killed("2", 8), last], quietFrom: 1 }
      : { acts: [sync(random), killed("2", 8), last], quietFrom: random.integer(1, 2) };
  },

  /** Postgres loses what a run has seen and sent: nothing may be flushed between the two, by whomever. */
  crashes(random) {
    const crashed = (): Act => {
      const moment = randomBatchMoment(random, 3);
      // By then Postgres is down, before the run writes another word to it.
      const fate = { kind: "delay", delayMs: 500 } as const;
      const point = random.pick(["afterCommit", "beforeAnswer"] as const);
      return {
        // Each renewal of the lease would flush.
        ...sync(random, { pageRows: random.pick(["7", "500", "500"]), leaseSeconds: 4 }),
        freshRows: true,
        strike: { blow: "restart", moment: { ...moment, point, fate } },
      };
    };
    return { asynchronous: true, acts: [sync(random), crashed(), crashed()], quietFrom: 3 };
  },

  /**
   * A run that goes on where another stopped reads what changes meanwhile a second time. Batches of the first reading
   * are late, and land when those of the second are acknowledged.
   */
  "late calls"(random) {
    const killed: Act = {
      ...sync(random, { pageRows: random.pick(["7", "500"]) }),
      strike: { blow: "kill", moment: randomBatchMoment(random, 3) },
    };
    const late: Act = {
      ...sync(random, { pageRows: random.pick(["7", "500"]), weather: true }),
      batchLateness: 0.4,
    };
    return { acts: [sync(random), killed, late], quietFrom: 3 };
  },

  /** A TRUNCATE that commits in the middle of a run's beginning: whatever waits for its lock goes on then. */
  truncations(random) {
    const truncated: Act = { ...sync(random), deed: randomDeed(random, "truncate") };
    const acts = [sync(random), truncated, sync(random, { weather: random.chance(0.3) })];
    return { acts, quietFrom: random.integer(1, 2), truncates: random.chance(0.2) };
  },

  /** The guard holds many deletions back; a run that may make them dies over it. */
  deletions(random) {
    const purged: Act = { ...sync(random), deed: randomDeed(random, "purge") };
    const killed: Act = {
      ...sync(random, { allowDeletes: true, weather: random.chance(0.3) }),
      strike: { blow: "kill", moment: randomBatchMoment(random, 3) },
    };
    return { acts: [sync(random), purged, killed], quietFrom: random.integer(1, 3) };
  },

  comparisons,
  partitions,
  swaps,
  shapes,
  deployments,
  "last words": lastWords,
  drifts,
  alterations,
};
