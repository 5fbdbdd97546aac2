/** Successes in a row after which one more call may be in flight. */
const GROW_AFTER = 8;

/** Each call in flight has a slot of its own: Convex counts rows per slot, so that batches don't conflict. */
type Slot = number;

type Waiting = { alone: boolean; start: (slot: Slot) => void; refuse: (reason: Error) => void };

/**
 * How many calls may be in flight: as many as asked for, half of it each time Convex pushes back, one more
 * after a series of successes. First come, first served.
 */
export class InFlightWindow {
  #size: number;
  #successes = 0;
  #inFlight = 0;
  /** A task is running alone. */
  #taken = false;
  #stopped: Error | null = null;
  readonly #freeSlots: Slot[];
  readonly #queue: Waiting[] = [];

  constructor(readonly maxSize: number) {
    this.#size = maxSize;
    this.#freeSlots = Array.from({ length: maxSize }, (_, slot) => slot);
  }

  get size(): number {
    return this.#size;
  }

  /** Runs a call as soon as the window has room. */
  async run<T>(call: (slot: Slot) => Promise<T>): Promise<T> {
    const slot = await this.#enter(false);
    try {
      return await call(slot);
    } finally {
      this.#freeSlots.unshift(slot);
      this.#leave();
    }
  }

  /** Runs a task while no call is in flight: it waits for those that are, and later ones wait for it. */
  async runAlone<T>(task: () => Promise<T>): Promise<T> {
    await this.#enter(true);
    try {
      return await task();
    } finally {
      this.#taken = false;
      this.#leave();
    }
  }

  pushedBack(): void {
    this.#size = Math.max(1, Math.floor(this.#size / 2));
    this.#successes = 0;
  }

  succeeded(): void {
    this.#successes += 1;
    if (this.#successes < GROW_AFTER || this.#size === this.maxSize) return;
    this.#successes = 0;
    this.#size += 1;
    this.#admit();
  }

  /** Refuses whoever waits, and whoever comes. What is in flight is let finish. */
  stop(reason: Error): void {
    this.#stopped ??= reason;
    for (const { refuse } of this.#queue.splice(0)) refuse(this.#stopped);
  }

  #enter(alone: boolean): Promise<Slot> {
    return new Promise((start, refuse) => {
      if (this.#stopped !== null) return refuse(this.#stopped);
      this.#queue.push({ alone, start, refuse });
      this.#admit();
    });
  }

  #leave(): void {
    this.#inFlight -= 1;
    this.#admit();
  }

  #admit(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const hasRoom = next.alone ? this.#inFlight === 0 : this.#inFlight < this.#size;
      if (!hasRoom || this.#taken) return;
      this.#queue.shift();
      this.#inFlight += 1;
      if (next.alone) this.#taken = true;
      next.start(next.alone ? -1 : this.#freeSlots.shift()!);
    }
  }
}
