import type { Clock } from "../model/clock.js";
import { SyncError } from "../model/errors.js";
import { NOTHING_LOST } from "../model/remedies.js";
import { ConvexCallError } from "./convex-call-error.js";
import { decide, decideAlone } from "./retry-policy.js";

/** Convex's server itself retries conflicts for up to 2 s; a client waits longer. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

export interface RetryOptions {
  clock: Clock;
  /** Calls made at most, the first included. */
  maxAttempts: number;
  /** A time of `clock` (milliseconds) after which no further attempt begins. */
  deadlineAt?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Whether the caller asks for less where a call was too much. Else what may pass at another time is sent again. */
  canCut?: boolean | undefined;
  /** Told before each wait. */
  onRetry?: (error: ConvexCallError, delayMs: number) => void;
}

/**
 * How long to wait before attempt number `attempt + 1`: uniform between 1 s and a ceiling that doubles from
 * 2 s to 30 s, and never less than Retry-After asks for.
 */
export function backoffMs(attempt: number, random: number, retryAfterMs: number | null): number {
  const ceilingMs = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** attempt);
  const delayMs = Math.round(SHORTEST_MS + random * (ceilingMs - SHORTEST_MS));
  return Math.max(delayMs, retryAfterMs ?? 0);
}

/**
 * The wait before the next attempt, or null when there is none: the attempts are used up, or the deadline
 * would pass meanwhile.
 */
export function nextDelayMs(
  error: ConvexCallError,
  attempt: number,
  { clock, maxAttempts, deadlineAt }: Pick<RetryOptions, "clock" | "maxAttempts" | "deadlineAt">,
): number | null {
  if (attempt >= maxAttempts) return null;
  const delayMs = backoffMs(attempt, clock.random(), error.retryAfterMs);
  return deadlineAt !== undefined && clock.now() + delayMs > deadlineAt ? null : delayMs;
}

/**
 * Calls until it succeeds, fails for good, or may not be tried again; then throws the last error as it was.
 * Only for calls that may run twice. An aborted signal ends a wait at once with `interruption(signal)`.
 */
export async function withRetries<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    if (options.signal?.aborted) throw interruption(options.signal);
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConvexCallError)) throw error;
      if (error.kind === "aborted" && options.signal?.aborted) throw interruption(options.signal);
      const { action } = options.canCut ? decide(error) : decideAlone(error);
      if (action !== "repeat") throw error;
      const delayMs = nextDelayMs(error, attempt, options);
      if (delayMs === null) throw error;
      options.onRetry?.(error, delayMs);
      await sleepUnlessAborted(options.clock, delayMs, options.signal);
    }
  }
}

/** Sleeps; an abort ends it with `interruption(signal)`. */
async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    throw signal?.aborted ? interruption(signal) : error;
  }
}

/** Why a run was stopped: the signal's own reason where that is a SyncError (a lost lease), else INTERRUPTED. */
export function interruption(signal: AbortSignal): SyncError {
  if (signal.reason instanceof SyncError) return signal.reason;
  return new SyncError({
    code: "INTERRUPTED",
    message: "The run was interrupted.",
    remedy: NOTHING_LOST,
  });
}
