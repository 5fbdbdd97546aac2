import type { Clock } from "../../src/model/clock.js";
import { CallRefused } from "./errors.js";
import { MUTATION_QUEUE_MS, WRITE_WINDOW_MS, type Plan } from "./limits.js";

/** How near a deployment has come to its plan's write throughput. */
export interface Throughput {
  bytesWritten: number;
  /** The most that one second has held. */
  highestSecondBytes: number;
  /** How often a mutation was turned away for it, the server's own repetitions included. */
  refusals: number;
  /** When, since the first write; null: never. */
  lastRefusalMs: number | null;
}

/** Applies a plan's limits to a deployment's mutations. */
export class PlanGate {
  #firstWriteAt: number | null = null;
  readonly #met: Throughput = {
    bytesWritten: 0,
    highestSecondBytes: 0,
    refusals: 0,
    lastRefusalMs: null,
  };
  #running = 0;
  #waiting: (() => void)[] = [];
  #written: { at: number; bytes: number }[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly clock: Clock,
  ) {}

  /** Waits for a place among the running mutations; returns the function that frees it. */
  async enter(): Promise<() => void> {
    if (this.#running >= this.plan.maxConcurrentMutations) await this.#wait();
    else this.#running++;
    return () => this.#leave();
  }

  /** A place is handed on from the mutation that leaves, so `#running` does not change. */
  async #wait(): Promise<void> {
    const timeout = new AbortController();
    let admit!: () => void;
    const admitted = new Promise<"admitted">((resolve) => {
      admit = () => resolve("admitted");
    });
    this.#waiting.push(admit);
    const timedOut = this.clock.sleep(MUTATION_QUEUE_MS, timeout.signal).then(
      () => "timed out" as const,
      () => "admitted" as const,
    );
    const outcome = await Promise.race([admitted, timedOut]);
    timeout.abort();
    const place = this.#waiting.indexOf(admit);
    if (outcome === "admitted" || place < 0) return;
    this.#waiting.splice(place, 1);
    throw new CallRefused(
      429,
      "TooManyConcurrentRequests",
      "Too many concurrent mutations. Reduce how many run at once, or upgrade to a larger deployment.",
    );
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }

  /**
   * Refuses a mutation while the last second's writes exceed the plan; the one that exceeds it has passed.
   * Convex checks before the function runs, and waits and tries again as after a conflict.
   */
  throughputRefusal(): CallRefused | null {
    const limit = this.plan.maxBytesWrittenPerSecond;
    if (this.#lastSecondBytes() <= limit) return null;
    this.#met.refusals += 1;
    this.#met.lastRefusalMs = this.clock.now() - this.#firstWriteAt!;
    return new CallRefused(
      429,
      "TooManyWrites",
      `Too many writes per second. Your deployment is limited to ${limit} bytes written per second. ` +
        "Reduce your write rate or upgrade to a larger deployment.",
    );
  }

  noteWritten(bytes: number): void {
    if (bytes === 0) return;
    const at = this.clock.now();
    this.#firstWriteAt ??= at;
    this.#written.push({ at, bytes });
    this.#met.bytesWritten += bytes;
    this.#met.highestSecondBytes = Math.max(this.#met.highestSecondBytes, this.#lastSecondBytes());
  }

  get throughput(): Throughput {
    return { ...this.#met };
  }

  #lastSecondBytes(): number {
    const from = this.clock.now() - WRITE_WINDOW_MS;
    this.#written = this.#written.filter(({ at }) => at >= from);
    return this.#written.reduce((sum, write) => sum + write.bytes, 0);
  }
}
