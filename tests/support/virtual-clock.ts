import type { Clock } from "../../src/model/clock.js";

/**
 * Time that passes only when nothing else can happen, and chance that follows from a seed: a test of hours of
 * backoff runs in milliseconds, the same way each time.
 */
export class VirtualClock implements Clock {
  #now: number;
  #sequence = 0;
  #state: number;
  #timers: { at: number; order: number; fire: () => void }[] = [];
  /** Every sleep asked for, in milliseconds. */
  readonly sleeps: number[] = [];

  constructor(seed = 1, startAt = 0) {
    this.#state = seed >>> 0;
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  /** mulberry32: small, seeded, good enough to shuffle a test. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  uuid(): string {
    return `00000000-0000-4000-8000-${String(++this.#sequence).padStart(12, "0")}`;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        clear();
        reject(signal!.reason as Error);
      };
      const clear = this.#setTimer(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Calls back at a time, without counting as a sleep. */
  after(ms: number, callback: () => void): void {
    this.#setTimer(ms, callback);
  }

  /** Lets time pass until the work has settled. Fails if it waits for something that no timer will bring. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const settle = () => void (settled = true);
    work.then(settle, settle);
    for (;;) {
      await idle();
      if (settled) return work;
      if (!this.#fireNext()) throw new Error("Stuck: nothing is under way, and no timer is set.");
    }
  }

  /** Fires what is still due, as late duplicates are. */
  async runOut(): Promise<void> {
    do await idle();
    while (this.#fireNext());
  }

  #setTimer(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, order: ++this.#sequence, fire };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  #fireNext(): boolean {
    this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
    const next = this.#timers.shift();
    if (next === undefined) return false;
    this.#now = Math.max(this.#now, next.at);
    next.fire();
    return true;
  }
}

/** Resolves when everything that can happen without time passing has happened. */
export function idle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
