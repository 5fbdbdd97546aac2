/**
 * Time, randomness and sleep, injected so that tests neither wait nor flake.
 * Nothing else in `src` calls Date.now, Math.random, crypto.randomUUID or setTimeout directly.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. For display and durations only: positions never come from a clock. */
  now(): number;
  /** Uniform in [0, 1). Used for backoff jitter. */
  random(): number;
  /** A fresh unguessable identifier (a UUID). */
  uuid(): string;
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal!.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};
