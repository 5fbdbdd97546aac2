import type { Clock } from "../model/clock.js";
import { WRITE_WINDOW_MS } from "../model/limits.js";

/**
 * The part of a plan's throughput that the configured rate is: what is left keeps room for the application's own
 * writes, and for what is not known of a write before it is made.
 */
const SHARE = 0.85;

/** What a plan takes in a second, of which the configured rate is a part. */
export function planBytesOf(bytesPerSecond: number): number {
  return bytesPerSecond / SHARE;
}

/** Told what the write came to: at most what it was admitted with. 0: it was not committed, or changed nothing. */
export type EndWrite = (bytes: number) => void;

/** The part of the plan that is this process's for the moment, where several write to one deployment. */
export interface WriteShare {
  /** In a second. 0: none yet, or not any more. */
  readonly bytes: number;
  /** A write is about to begin: the share is needed still. */
  use(): void;
  /**
   * Resolves when it is at least so large: at most `ofAll` was asked for.
   * @param countedBytes what is under way, and has ended within the last second
   */
  atLeast(bytes: number, countedBytes: () => number, signal: AbortSignal): Promise<void>;
}

/**
 * Spaces writes so that a deployment's write throughput is respected (invariant 9), by two rules:
 * - A write begins once all before it have had their time at the configured rate.
 * - What is under way, and what has ended within the last second, never comes to more than the plan allows. A write is
 *   committed at some time between its beginning and its end, so this holds for every second, however long calls take.
 *
 * Where several processes write, each keeps these within its share of the plan. A single write should stay below
 * `maxWriteBytes`, which is the share less a second at its rate: else it waits until there is room.
 */
export class WritePacer {
  readonly #planBytes: number;
  readonly #clock: Clock;
  readonly #share: WriteShare | null;
  #freeAt = -Infinity;
  #underWayBytes = 0;
  #ended: { at: number; bytes: number }[] = [];
  /** First come, first served. Never rejects. */
  #lastInLine: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  /**
   * @param bytesPerSecond Infinity when nothing is to be held back
   * @param share null: all of it is this process's
   */
  constructor(bytesPerSecond: number, clock: Clock, share: WriteShare | null = null) {
    this.#planBytes = planBytesOf(bytesPerSecond);
    this.#clock = clock;
    this.#share = share;
  }

  get maxWriteBytes(): number {
    const bytes = this.#windowBytes || this.#planBytes;
    return bytes === Infinity ? Infinity : Math.max(1, Math.floor(bytes * (1 - SHARE)));
  }

  /** Resolves when a write may begin. Its end has to be told, whatever becomes of it. */
  async admit(bytes: number, signal: AbortSignal): Promise<EndWrite> {
    const admitted = this.#lastInLine.then(() => this.#waitForRoom(bytes, signal));
    this.#lastInLine = admitted.catch(() => {});
    await admitted;
    return (written) => this.#end(bytes, written);
  }

  get #windowBytes(): number {
    return this.#share === null ? this.#planBytes : Math.min(this.#share.bytes, this.#planBytes);
  }

  get #bytesPerMs(): number {
    return (this.#windowBytes * SHARE) / 1_000;
  }

  async #waitForRoom(bytes: number, signal: AbortSignal): Promise<void> {
    const least = Math.min(bytes, this.#planBytes);
    this.#share?.use();
    for (;;) {
      if (this.#share !== null && this.#share.bytes < least)
        await this.#share.atLeast(least, () => this.#countedBytes(), signal);
      const waitMs = this.#waitMs(bytes);
      if (waitMs <= 0) break;
      await this.#pause(waitMs, signal);
    }
    signal.throwIfAborted();
    this.#freeAt = Math.max(this.#clock.now(), this.#freeAt) + bytes / this.#bytesPerMs;
    this.#underWayBytes += bytes;
  }

  #countedBytes(): number {
    const now = this.#clock.now();
    this.#ended = this.#ended.filter(({ at }) => now < at + WRITE_WINDOW_MS);
    return this.#ended.reduce((sum, write) => sum + write.bytes, this.#underWayBytes);
  }

  #waitMs(bytes: number): number {
    const now = this.#clock.now();
    const rateMs = Math.ceil(Math.max(0, this.#freeAt - now));
    const counted = this.#countedBytes();
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
    const perMs = this.#bytesPerMs;
    if (perMs > 0) this.#freeAt -= (bytes - written) / perMs;
    this.#wake();
  }
}
