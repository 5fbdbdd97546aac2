import type { Clock } from "../clock.js";
import { SyncError } from "../errors.js";
import type { Database } from "../postgres/database.js";
import { renewLease, type LeaseToken } from "../state/lease.js";

/**
 * Renews the lease while a run goes on, at a third of its time, so that two renewals may fail. A lost lease ends the
 * run; a database that cannot be reached does not, for the statements of the run itself will say so.
 */
export class LeaseKeeper {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    private readonly database: Database,
    private readonly currentToken: () => LeaseToken,
    private readonly options: { leaseMs: number; clock: Clock; onLost: (error: SyncError) => void },
  ) {
    this.#done = this.#renewForever();
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
        await renewLease(this.database, token, leaseMs);
      } catch (error) {
        const lost = error instanceof SyncError && error.code === "LEASE_LOST";
        // The epoch may have been raised by ourselves between the two lines above.
        if (lost && token.epoch === this.currentToken().epoch) return onLost(error);
      }
    }
  }
}
