import type { Clock } from "../model/clock.js";
import { WRITE_WINDOW_MS } from "../model/limits.js";
import type { Database } from "../postgres/database.js";
import type { WriteShare } from "../sink/write-pacer.js";
import type { LeaseToken } from "../state/lease.js";
import { returnWrites, shareWrites } from "../state/write-shares.js";

/** A run that asks no more has crashed: its share is free after this time. */
const KEPT_MS = 15_000;
/** How soon it gives others their part, and gives all of it back when it has nothing to write. */
const RENEWED_MS = 2_000;
/** Between two tries, while others have yet to give up what they had. */
const TRIED_MS = 250;

/**
 * A run's part of its deployment's write throughput, agreed upon with the other runs through Postgres: asked for when there is
 * something to write, again every two seconds as long as there is, and given back then.
 */
export class SharedWrites implements WriteShare {
  #bytes = 0;
  /** By our clock, and counted from before the statement: never later than the database has it. */
  #untilMs = -Infinity;
  #leastBytes = 0;
  #usedAtMs = -Infinity;
  #countedBytes: () => number = () => 0;
  #renewing = false;
  #lastAsked: Promise<unknown> = Promise.resolve();
  readonly #closed = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly currentToken: () => LeaseToken,
    private readonly planBytes: number,
    private readonly clock: Clock,
  ) {}

  get bytes(): number {
    return this.clock.now() < this.#untilMs ? this.#bytes : 0;
  }

  use(): void {
    this.#usedAtMs = this.clock.now();
  }

  async atLeast(bytes: number, countedBytes: () => number, signal: AbortSignal): Promise<void> {
    this.#countedBytes = countedBytes;
    this.#leastBytes = bytes;
    try {
      for (;;) {
        await this.#ask();
        if (this.bytes >= bytes) break;
        await this.clock.sleep(TRIED_MS, signal);
      }
    } finally {
      this.#leastBytes = 0;
    }
    if (!this.#renewing) void this.#renew();
  }

  /** Resolves when nothing is asked any more. What it has goes back with the lease. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#lastAsked;
  }

  /** One after the other, or an earlier answer would be taken for the last. @returns whether its part has shrunk */
  #ask(): Promise<boolean> {
    const asked = this.#lastAsked.then(() => this.#askOnce());
    this.#lastAsked = asked.catch(() => undefined);
    return asked;
  }

  async #askOnce(): Promise<boolean> {
    const askedAtMs = this.clock.now();
    const before = askedAtMs < this.#untilMs ? this.#bytes : 0;
    this.#bytes = await shareWrites(this.database, this.currentToken(), {
      planBytes: this.planBytes,
      // Until the answer is here, as much may begin as was allowed before.
      countedBytes: Math.max(before, this.#countedBytes()),
      leastBytes: this.#leastBytes,
      forMs: KEPT_MS,
    });
    this.#untilMs = askedAtMs + KEPT_MS;
    return this.#bytes < before;
  }

  /** A failure is left to the run's own statements to tell: without an answer the share ends by itself. */
  async #renew(): Promise<void> {
    this.#renewing = true;
    const { signal } = this.#closed;
    let hasShrunk = false;
    try {
      for (;;) {
        await this.clock.sleep(hasShrunk ? WRITE_WINDOW_MS : RENEWED_MS, signal);
        const isIdle = this.clock.now() - this.#usedAtMs >= RENEWED_MS && this.#countedBytes() === 0;
        if (isIdle) return await this.#return();
        hasShrunk = await this.#ask().catch(() => false);
      }
    } catch {
      // The run is over.
    } finally {
      this.#renewing = false;
    }
  }

  async #return(): Promise<void> {
    this.#untilMs = -Infinity;
    await returnWrites(this.database, this.currentToken()).catch(() => undefined);
  }
}
