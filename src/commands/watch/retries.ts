import type { Clock } from "../../model/clock.js";
import type { ErrorCode, SyncError } from "../../model/errors.js";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** Of what one table alone fails of, which seldom heals by itself: each try costs calls. */
export const LONGEST_TABLE_RETRY_MS = 900_000;

/** What passes by itself, so that it is no reason not to begin. */
export const PASSING: ReadonlySet<ErrorCode> = new Set([
  ...(["DATABASE_UNREACHABLE", "DATABASE_IN_RECOVERY", "DATABASE_FAILED", "LOCK_TIMEOUT"] as const),
  ...(["DEPLOYMENT_UNREACHABLE", "DEPLOYMENT_FAILED", "LEASE_HELD", "LEASE_LOST"] as const),
]);

export function longestRetryMs({ table }: SyncError): number {
  return table === undefined ? LONGEST_RETRY_MS : LONGEST_TABLE_RETRY_MS;
}

/** Pauses between tries, each about twice as long as the one before, until something has worked. */
export class Retries {
  #pauseMs = FIRST_RETRY_MS;

  constructor(private readonly clock: Clock) {}

  /** How long to wait for the next try, in milliseconds. */
  next(longestMs: number): number {
    const pauseMs = Math.round(this.#pauseMs * (0.5 + this.clock.random()));
    this.#pauseMs = Math.min(longestMs, 2 * this.#pauseMs);
    return pauseMs;
  }

  reset(): void {
    this.#pauseMs = FIRST_RETRY_MS;
  }
}
