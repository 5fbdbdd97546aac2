import type { Clock } from "../model/clock.js";

/** Aborts a call when its time is up or when the caller's signal aborts, and remembers which it was. */
export class CallTimeLimit {
  reachedBy: "timeout" | "aborted" | null = null;
  readonly #call = new AbortController();
  readonly #timer = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#reach("aborted");

  constructor(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (signal?.aborted) this.#reach("aborted");
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    clock.sleep(timeoutMs, this.#timer.signal).then(
      () => this.#reach("timeout"),
      () => undefined,
    );
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  lift(): void {
    this.#timer.abort();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #reach(by: "timeout" | "aborted"): void {
    this.reachedBy ??= by;
    this.#call.abort();
  }
}
