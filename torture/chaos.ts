import {
  randomFaults,
  type Fault,
  type FaultPoint,
  type FaultRequest,
  type Faults,
} from "../src/local/convex/faults.js";
import type { Random } from "../src/local/data/random.js";

/** What befalls a run, once. */
export type Blow = "kill" | "stop" | "terminate" | "restart";

/** When: at a call to Convex, counted from the run's start, and there before or after the commit; or after a time. */
export type Moment = { call: number; point: FaultPoint } | { afterMs: number };

export interface Strike {
  blow: Blow;
  moment: Moment;
}

/** A call that commits after its caller has given up: the late duplicate. Longer than the runs' time-out of 1 s. */
const LATE_MS = 2_500;

const WEATHERS = [
  {},
  { delay: 0.2, maxDelayMs: 100, conflict: 0.05 },
  {
    ...{ delay: 0.1, maxDelayMs: 60, tooManyRequests: 0.02, overloaded: 0.02, conflict: 0.05 },
    ...{ failedAfterCommit: 0.01, cutBeforeCall: 0.01, cutAfterCommit: 0.02, cutMidAnswer: 0.01 },
  },
  {
    ...{ delay: 0.2, maxDelayMs: 200, tooManyRequests: 0.04, overloaded: 0.04, conflict: 0.1 },
    ...{ failedAfterCommit: 0.05, cutBeforeCall: 0.04, cutAfterCommit: 0.06, cutMidAnswer: 0.04 },
  },
];

/** Decides at every point of every call what goes wrong there, and strikes runs that it is armed against. */
export class Chaos {
  #stormy = false;
  #end: NodeJS.Timeout | undefined;
  readonly #weather: Faults;
  readonly #late: () => boolean;
  #armed: { strike: Strike; calls: number; hit: () => void } | null = null;

  /** @param enabled false: nothing ever goes wrong */
  constructor(
    random: Random,
    private readonly enabled: boolean,
  ) {
    const weather = random.pick(WEATHERS);
    this.#weather = randomFaults(random.integer(0, 2 ** 31 - 1), weather);
    const lateness = "failedAfterCommit" in weather ? 0.03 : 0;
    this.#late = () => random.chance(lateness);
  }

  /** From now on things go wrong, and in fair weather again after `ms`: a run gets to its end. */
  stormFor(ms: number): void {
    clearTimeout(this.#end);
    this.#stormy = this.enabled;
    this.#end = setTimeout(() => (this.#stormy = false), ms);
  }

  clearUp(): void {
    clearTimeout(this.#end);
    this.#stormy = false;
  }

  /** Given to the deployment as its `faults`. */
  readonly faults: Faults = (point: FaultPoint, request: FaultRequest): Fault | null => {
    this.#aim(point);
    if (!this.#stormy) return null;
    if (point === "beforeCommit" && this.#late()) return { kind: "delay", delayMs: LATE_MS };
    return this.#weather(point, request);
  };

  /** Calls `hit` once, at the strike's call; `disarm` when the run has ended. */
  arm(strike: Strike, hit: () => void): void {
    this.#armed = { strike, calls: 0, hit };
  }

  disarm(): void {
    this.#armed = null;
  }

  #aim(point: FaultPoint): void {
    if (this.#armed === null) return;
    const { strike, hit } = this.#armed;
    if ("afterMs" in strike.moment) return;
    if (point === "beforeCall") this.#armed.calls++;
    // A query has no commit: then the next mutation is hit.
    if (this.#armed.calls < strike.moment.call || point !== strike.moment.point) return;
    this.#armed = null;
    hit();
  }
}

export function randomMoment(random: Random): Moment {
  return random.chance(0.7)
    ? {
        call: random.integer(1, 14),
        point: random.pick(["beforeCall", "beforeCommit", "afterCommit", "beforeAnswer"] as const),
      }
    : { afterMs: random.integer(150, 2000) };
}
