import { systemClock, type Clock } from "../src/model/clock.js";
import {
  randomFaults,
  type Fault,
  type FaultPoint,
  type FaultRequest,
  type Faults,
} from "../local/convex/faults.js";
import type { IsolateOptions } from "../local/convex/isolate.js";
import type { Random } from "../local/data/random.js";

/** How a run is interrupted, once. */
export type InterruptionKind = "kill" | "stop" | "terminate" | "restart";

/** When: at a call to Convex, and there before or after the commit; or after a time. */
export type Moment = CallMoment | { afterMs: number };

export interface CallMoment {
  /** Counted from the run's start, of this function's calls or of all. */
  call: number;
  of: "applyBatch" | "beginRuns" | "any";
  point: FaultPoint;
  /** What goes wrong with the call itself. A killed process's request may arrive all the same, or not. */
  fault: Fault | null;
}

export interface Interruption {
  kind: InterruptionKind;
  moment: Moment;
}

/**
 * A call that commits after its caller has given up: the late duplicate. It is committed when its run is about
 * to end, or after this time. A run gives up after 1 s and tries again 1 to 2 s later, so that this is later than the repetition.
 */
const LATE_MS = 5_000;
/** For a late call to be committed before the run's end is. */
const LATE_COMMIT_MS = 100;
/** For what is done as a table's run begins. */
const BEGIN_MS = 100;

const FAULT_RATES = [
  {},
  { delay: 0.2, maxDelayMs: 100, conflict: 0.05 },
  {
    delay: 0.1,
    maxDelayMs: 60,
    tooManyRequests: 0.02,
    overloaded: 0.02,
    conflict: 0.05,
    systemTimeout: 0.02,
    failedAfterCommit: 0.01,
    cutBeforeCall: 0.01,
    cutAfterCommit: 0.02,
    cutMidAnswer: 0.01,
  },
  {
    delay: 0.2,
    maxDelayMs: 200,
    tooManyRequests: 0.04,
    overloaded: 0.04,
    conflict: 0.1,
    systemTimeout: 0.05,
    failedAfterCommit: 0.05,
    cutBeforeCall: 0.04,
    cutAfterCommit: 0.06,
    cutMidAnswer: 0.04,
  },
];

/**
 * What functions may use. Convex's own limits mean nothing to tables of this size; those that are below them cut a batch
 * of all rows several times, and let every single row pass.
 */
const ISOLATE_LIMITS: readonly IsolateOptions[] = [
  {},
  {},
  { tripMs: 100 },
  { tripMs: 250 },
  { maxOwnMs: 20, maxHeapBytes: 1 << 20 },
  { tripMs: 100, maxOwnMs: 20, maxHeapBytes: 1 << 20 },
];

/** Decides at every point of every call what goes wrong there, and tells who waits for a call that it has come. */
export class CallFaults {
  #active = false;
  #activeMs = 0;
  #end: NodeJS.Timeout | undefined;
  readonly #randomFault: Faults;
  readonly #random: Random;
  readonly #lateness: number;
  #batchLateness = 0;
  /** Calls that are late, and on their way. */
  #pending = 0;
  #releaseLate: () => void = () => {};
  #lateReleased: Promise<void> = this.#awaitRelease();
  #planned: { moment: CallMoment; calls: number; reached: () => void }[] = [];
  /** Given to the deployment as its `isolate`. */
  readonly isolate: IsolateOptions;

  /** @param enabled false: nothing ever goes wrong */
  constructor(
    random: Random,
    private readonly enabled: boolean,
  ) {
    const rates = random.pick(FAULT_RATES);
    this.#randomFault = randomFaults(random.integer(0, 2 ** 31 - 1), rates);
    this.#random = random;
    this.isolate = enabled ? random.pick(ISOLATE_LIMITS) : {};
    this.#lateness = "failedAfterCommit" in rates ? 0.03 : 0;
  }

  /**
   * Calls go wrong from now on, until `ms` after the next call: so a run gets to its end.
   * @param batchLateness how likely a batch is to be late, whatever the other rates
   */
  startFor(ms: number, { batchLateness = 0 } = {}): void {
    this.stop();
    this.#active = this.enabled;
    this.#activeMs = ms;
    this.#batchLateness = batchLateness;
  }

  stop(): void {
    clearTimeout(this.#end);
    this.#end = undefined;
    this.#active = false;
  }

  /** Called when a table's run has begun, and has read nothing yet. */
  onBegin: (() => void) | null = null;

  /** Given to the deployment as its `faults`. */
  readonly faults: Faults = (point: FaultPoint, request: FaultRequest): Fault | null => {
    const fault = this.#plannedFault(point, request);
    if (fault !== undefined) return fault;
    if (point === "beforeAnswer" && isCallOf("beginRuns", request) && this.onBegin) {
      this.onBegin();
      return { kind: "delay", delayMs: BEGIN_MS };
    }
    if (point === "beforeCall" && isCallOf("finishRuns", request)) {
      if (this.#commitLate()) return { kind: "delay", delayMs: LATE_COMMIT_MS };
    }
    if (!this.#active) return null;
    this.#end ??= setTimeout(() => (this.#active = false), this.#activeMs);
    if (point === "beforeCommit" && this.#isLate(request)) return { kind: "delay", delayMs: LATE_MS };
    return this.#randomFault(point, request);
  };

  /** Given to the deployment as its `clock`: late calls are committed by it. */
  readonly clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => {
      if (ms !== LATE_MS) return systemClock.sleep(ms, signal);
      this.#pending++;
      await Promise.race([systemClock.sleep(ms, signal), this.#lateReleased]);
      this.#pending--;
    },
  };

  /** Calls `reached` once, at that call; `forgetMoments` when the run has ended. */
  callAt(moment: CallMoment, reached: () => void): void {
    this.#planned.push({ moment, calls: 0, reached });
  }

  forgetMoments(): void {
    this.#planned = [];
  }

  #isLate(request: FaultRequest): boolean {
    const lateness = isCallOf("applyBatch", request) ? this.#batchLateness : 0;
    return this.#random.chance(Math.max(lateness, this.#lateness));
  }

  /** False if no call is late. */
  #commitLate(): boolean {
    if (this.#pending === 0) return false;
    this.#releaseLate();
    this.#lateReleased = this.#awaitRelease();
    return true;
  }

  #awaitRelease(): Promise<void> {
    return new Promise((resolve) => (this.#releaseLate = resolve));
  }

  /** The fault planned for a call; undefined: none is planned. */
  #plannedFault(point: FaultPoint, request: FaultRequest): Fault | null | undefined {
    let fault: Fault | null | undefined;
    this.#planned = this.#planned.filter((planned) => {
      const { moment, reached } = planned;
      if (moment.of !== "any" && !isCallOf(moment.of, request)) return true;
      if (point === "beforeCall") planned.calls++;
      // A query has no commit: then the next mutation is taken.
      if (planned.calls < moment.call || point !== moment.point) return true;
      reached();
      fault = moment.fault;
      return false;
    });
    return fault;
  }
}

function isCallOf(name: string, { path }: FaultRequest): boolean {
  return path.endsWith(`:${name}`);
}

export function randomMoment(random: Random): Moment {
  if (random.chance(0.3)) return { afterMs: random.integer(150, 2000) };
  return random.chance(0.4) ? randomBatchMoment(random, 6) : randomCallMoment(random, "any", 14);
}

/** At one of the first batches that a run sends; as often as not it never arrives. */
export function randomBatchMoment(random: Random, calls: number): CallMoment {
  const moment = randomCallMoment(random, "applyBatch", calls);
  return random.chance(0.5) ? moment : { ...moment, point: "beforeCommit", fault: { kind: "cut" } };
}

export function randomCallMoment(random: Random, of: CallMoment["of"], calls: number): CallMoment {
  const point = random.pick(["beforeCall", "beforeCommit", "afterCommit", "beforeAnswer"] as const);
  return { of, call: random.integer(1, calls), point, fault: null };
}
