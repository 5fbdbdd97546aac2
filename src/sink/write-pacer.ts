import type { Clock } from "../clock.js";

/**
 * The part of a plan's throughput that the configured rate is: what is left keeps room for a batch that comes
 * too early, for the application's own writes, and for our sizes being estimates.
 */
const SHARE = 0.85;

/**
 * Spaces writes so that a deployment's write throughput is respected (invariant 9). A write may begin once all
 * before it have had their time at the rate. In any second there are thus at most the rate and one write more,
 * which is why a single write should stay below `maxWriteBytes`: the two together are the plan's limit.
 *
 * What is reserved is an upper estimate: a row whose content Convex already holds writes nothing. That slows a
 * resumed first load down, and nothing else sends many such rows.
 */
export class WritePacer {
  /** The largest write that surely keeps the limit. */
  readonly maxWriteBytes: number;
  readonly #bytesPerMs: number;
  readonly #clock: Clock;
  #freeAt = -Infinity;

  /** @param bytesPerSecond Infinity when nothing is to be held back. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.maxWriteBytes = Math.floor(bytesPerSecond * (1 / SHARE - 1));
    this.#clock = clock;
  }

  /** Takes the next place in the order and says how long to wait for it, in milliseconds. */
  reserve(bytes: number): number {
    const now = this.#clock.now();
    const startAt = Math.max(now, this.#freeAt);
    this.#freeAt = startAt + bytes / this.#bytesPerMs;
    return Math.ceil(startAt - now);
  }
}
