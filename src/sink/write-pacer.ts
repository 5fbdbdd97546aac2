import type { Clock } from "../model/clock.js";
import { WRITE_WINDOW_MS } from "../model/limits.js";

/**
 * The part of a plan's throughput that the configured rate is: what is left keeps room for the application's own
 * writes, and for what is not known of a write before it is made.
 */
const SHARE = 0.85;

/** Told what the write came to: at most what it was admitted with. 0: it was not committed, or changed nothing. */
export type EndWrite = (bytes: number) => void;

/**
 * Spaces writes so that a deployment's write throughput is respected (invariant 9), by two rules:
 * - A write begins once all before it have had their time at the configured rate.
 * - What is under way, and what has ended within the last second, never comes to more than the plan allows. A write is
 *   committed at some time between its beginning and its end, so this holds for every second, however long calls take.
 *
 * A single write should stay below `maxWriteBytes`, which is the plan's limit less a second at the rate: else it waits
 * until there is room.
 */
export class WritePacer {
  readonly maxWriteBytes: number;
  readonly #bytesPerMs: number;
  readonly #windowBytes: number;
  readonly #clock: Clock;
  #freeAt = -Infinity;
  #underWayBytes = 0;
  #ended: { at: number; bytes: number }[] = [];
  /** First come, first served. Never rejects. */
  #lastInLine: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  /** @param bytesPerSecond Infinity when nothing is to be held back. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#windowBytes = bytesPerSecond / SHARE;
    this.maxWriteBytes =
      bytesPerSecond === Infinity ? Infinity : Math.floor(this.#windowBytes - bytesPerSecond);
    this.#clock = clock;
  }

  /** Resolves when a write may begin. Its end has to be told, whatever becomes of it. */
  async admit(bytes: number, signal: AbortSignal): Promise<EndWrite> {
    const admitted = this.#lastInLine.then(() => this.#waitForRoom(bytes, signal));
    this.#lastInLine = admitted.catch(() => {});
    await admitted;
    return (written) => this.#end(bytes, written);
  }

  async #waitForRoom(bytes: number, signal: AbortSignal): Promise<void> {
    for (let waitMs = this.#waitMs(bytes); waitMs > 0; waitMs = this.#waitMs(bytes)) {
      await this.#pause(waitMs, signal);
    }
    signal.throwIfAborted();
    this.#freeAt = Math.max(this.#clock.now(), this.#freeAt) + bytes / this.#bytesPerMs;
    this.#underWayBytes += bytes;
  }

  #waitMs(bytes: number): number {
    const now = this.#clock.now();
    const rateMs = Math.ceil(Math.max(0, this.#freeAt - now));
    this.#ended = this.#ended.filter(({ at }) => now < at + WRITE_WINDOW_MS);
    const counted = this.#ended.reduce((sum, write) => sum + write.bytes, this.#underWayBytes);
    // What is larger than the plan goes when nothing else is counted: it would wait for ever.
    let excess = Math.min(counted, counted + bytes - this.#windowBytes);
    for (const ended of this.#ended) {
      if (excess <= 0) break;
      excess -= ended.bytes;
      if (excess <= 0) return Math.max(rateMs, ended.at + WRITE_WINDOW_MS - now);
    }
    // It waits for the end of another, which wakes it.
    return excess > 0 ? Math.max(rateMs, WRITE_WINDOW_MS) : rateMs;
  }

  /** Ends after this time, or as soon as a write has ended. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const timer = new AbortController();
    const ended = new Promise<void>((resolve) => (this.#wake = resolve));
    try {
      await Promise.race([this.#clock.sleep(ms, AbortSignal.any([timer.signal, signal])), ended]);
    } finally {
      timer.abort();
    }
  }

  #end(bytes: number, written: number): void {
    this.#underWayBytes -= bytes;
    if (written > 0) this.#ended.push({ at: this.#clock.now(), bytes: written });
    // The time that it took too much of is for who comes next.
    this.#freeAt -= (bytes - written) / this.#bytesPerMs;
    this.#wake();
  }
}
