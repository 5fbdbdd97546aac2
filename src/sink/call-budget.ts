import pLimit, { type LimitFunction } from "p-limit";

/**
 * What the mirrors of a run that are written at the same time have together: calls in flight, and batches in memory. One that has the
 * run to itself uses all of it.
 */
export class CallBudget {
  readonly #limit: LimitFunction;
  readonly #mostBatches: number;
  #batches = 0;
  #waiting: (() => void)[] = [];

  /** @param maxInFlight calls, of all mirrors together; twice as many batches are in memory, and one more of each mirror */
  constructor(maxInFlight: number) {
    this.#limit = pLimit(maxInFlight);
    this.#mostBatches = 2 * maxInFlight;
  }

  /** Makes a call as soon as there is room, first come, first served. */
  run<T>(call: () => Promise<T>): Promise<T> {
    return this.#limit(call);
  }

  get isFull(): boolean {
    return this.#batches >= this.#mostBatches;
  }

  batchCut(): void {
    this.#batches += 1;
  }

  batchSettled(): void {
    this.#batches -= 1;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when any batch has been settled; while none is in memory, at once. */
  nextSettled(): Promise<void> {
    if (this.#batches === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
