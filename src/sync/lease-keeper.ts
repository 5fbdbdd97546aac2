import type { Clock } from "../model/clock.js";
import { SyncError } from "../model/errors.js";
import type { Database } from "../postgres/database.js";
import type { LeaseToken } from "../state/lease.js";
import { renewLease } from "../state/take-lease.js";

/**
 * Renews the lease while a run goes on, at a third of its time, so that two renewals may fail. A lost lease ends the
 * run; a database that cannot be reached does not, for the statements of the run itself will say so.
 */
export class LeaseKeeper {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  /** By our clock, and counted from before the statement: never later than the database has it. */
  #heldUntilMs: number;

  /** @param options.acquiredAtMs a time before the lease was asked for */
  constructor(
    private readonly database: Database,
    private readonly currentToken: () => LeaseToken,
    private readonly options: {
      leaseMs: number;
      acquiredAtMs: number;
      clock: Clock;
      onLost: (error: SyncError) => void;
    },
  ) {
    this.#heldUntilMs = options.acquiredAtMs + options.leaseMs;
    this.#done = this.#renewForever();
  }

  /**
   * Resolves when the lease is held. Asks the database only when its time may be over: the process stood still, and
   * wakes up with calls to make before its timer fires.
   * @throws SyncError LEASE_LOST
   */
  async ensure(): Promise<void> {
    if (this.options.clock.now() >= this.#heldUntilMs) await this.#renew(this.currentToken());
  }

  /** Resolves when no renewal is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #renewForever(): Promise<void> {
    const { leaseMs, clock, onLost } = this.options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(leaseMs / 3, this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      const token = this.currentToken();
      try {
        await this.#renew(token);
      } catch (error) {
        const lost = error instanceof SyncError && error.code === "LEASE_LOST";
        // The epoch may have been raised by ourselves between the two lines above.
        if (lost && token.epoch === this.currentToken().epoch) return onLost(error);
      }
    }
  }

  async #renew(token: LeaseToken): Promise<void> {
    const { leaseMs, clock } = this.options;
    const askedAtMs = clock.now();
    await renewLease(this.database, token, leaseMs);
    this.#heldUntilMs = askedAtMs + leaseMs;
  }
}
