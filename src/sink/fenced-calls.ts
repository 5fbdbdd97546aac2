import type { BatchResult } from "../../convex/datahubSync/batchProtocol.js";
import { LIMITS } from "../../convex/datahubSync/protocol.js";
import type { Clock } from "../model/clock.js";
import { contentOf, sumBytes, writtenBytes, type Batch } from "./batch.js";
import { CallBudget } from "./call-budget.js";
import { ConvexCallError } from "./convex-call-error.js";
import type { ConvexSink, RunToken } from "./convex-sink.js";
import { InFlightWindow } from "./in-flight-window.js";
import { decide, decideAlone } from "./retry-policy.js";
import { nextDelayMs } from "./with-retries.js";
import type { WritePacer } from "./write-pacer.js";

export interface FencedCallsOptions {
  sink: Pick<ConvexSink, "applyBatch" | "rotateFence" | "explain" | "meter">;
  /** As `beginRuns` left it. The fence moves on. */
  token: RunToken;
  clock: Clock;
  /** Calls in flight at most, 1 to 64. Default 4. */
  maxInFlight?: number;
  /** Shared with other mirrors that are written at the same time; by default, this one has its own. */
  budget?: CallBudget | undefined;
  /** Attempts for one batch. Default 10, with about a minute and a half of waits. */
  maxAttempts?: number;
  /** A time of the clock (milliseconds) after which nothing is tried again. */
  deadlineAt?: number | undefined;
  pacer?: WritePacer | null;
  /** Resolves when the lease is held, and throws when it is not any more. Called before each call. */
  ensureLease?: () => Promise<void>;
}

/** What became of a batch: written, or refused as a whole. */
export type Answer = { written: BatchResult } | { refusedFor: ConvexCallError };

/**
 * Calls of `applyBatch`, several at a time, repeated until each has an answer.
 *
 * A call whose outcome is unknown (a time-out, a broken connection) may still be applied, later than a newer
 * value of the same row. So before anything of it is sent again, the mirror's fence is raised, and from then on
 * Convex refuses the late duplicate. The repetition therefore lives here and not below.
 */
export class FencedCalls {
  readonly #options: FencedCallsOptions;
  readonly #window: InFlightWindow;
  readonly budget: CallBudget;
  readonly #stopped = new AbortController();
  #token: RunToken;

  constructor(options: FencedCallsOptions) {
    this.#options = options;
    this.#window = new InFlightWindow(Math.min(options.maxInFlight ?? 4, LIMITS.slots));
    this.budget = options.budget ?? new CallBudget(this.#window.maxSize);
    this.#token = options.token;
  }

  /** The token with the fence as it is now. */
  get token(): RunToken {
    return this.#token;
  }

  get maxInFlight(): number {
    return this.#window.maxSize;
  }

  /** Sends a batch until it is answered. Throws a SyncError for what ends the run. */
  async send(batch: Batch): Promise<Answer> {
    const { sink, clock, maxAttempts = 10, deadlineAt } = this.#options;
    const { table } = this.#token;
    for (let attempt = 1; ; attempt++) {
      let fence = this.#token.fence;
      try {
        const written = await this.#window.run((slot) =>
          this.budget.run(() => {
            this.#stopped.signal.throwIfAborted();
            fence = this.#token.fence;
            return this.#call(batch, slot);
          }),
        );
        this.#window.succeeded();
        return { written };
      } catch (error) {
        if (!(error instanceof ConvexCallError)) throw error;
        const decision = batch.length > 1 ? decide(error) : decideAlone(error);
        if (decision.action === "fail") throw sink.explain(error, table);
        if (decision.action === "repeat" || decision.alone === "repeat") this.#window.pushedBack();
        if (decision.action === "split") return { refusedFor: error };
        const delayMs = nextDelayMs(error, attempt, { clock, maxAttempts, deadlineAt });
        if (delayMs === null) throw sink.explain(error, table);
        sink.meter(table).retries += 1;
        await clock.sleep(delayMs, this.#stopped.signal);
        if (decision.outcome === "unknown") await this.#rotatePast(fence);
      }
    }
  }

  /** Raises the fence by one, when nothing is in flight. */
  raiseFence(): Promise<void> {
    return this.#rotatePast(this.#token.fence);
  }

  /** Ends waits and refuses what is not in flight yet. What is in flight is let finish: its outcome counts. */
  stop(reason: Error): void {
    this.#window.stop(reason);
    this.#stopped.abort(reason);
  }

  async #call(batch: Batch, slot: number): Promise<BatchResult> {
    const { sink, pacer, ensureLease } = this.#options;
    const end = await pacer?.admit(sumBytes(batch), this.#stopped.signal);
    try {
      await ensureLease?.();
      const written = await sink.applyBatch({ ...this.#token, slot, ...contentOf(batch) });
      end?.(writtenBytes(batch, written));
      return written;
    } catch (error) {
      end?.(mayBeWritten(error) ? sumBytes(batch) : 0);
      throw error;
    }
  }

  /**
   * Makes every call that was sent with this fence powerless. It waits until none is in flight, because it would
   * refuse that one too. One rotation serves all calls of the same fence.
   */
  async #rotatePast(fence: bigint): Promise<void> {
    const { sink, deadlineAt } = this.#options;
    await this.#window.runAlone(async () => {
      if (this.#token.fence !== fence) return;
      const nextFence = fence + 1n;
      await sink.rotateFence(this.#token, nextFence, { signal: this.#stopped.signal, deadlineAt });
      this.#token = { ...this.#token, fence: nextFence };
    });
  }
}

function mayBeWritten(error: unknown): boolean {
  if (!(error instanceof ConvexCallError)) return false;
  const decision = decide(error);
  return decision.action === "repeat" && decision.outcome === "unknown";
}
