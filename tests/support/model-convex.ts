import type { BatchResult } from "../../convex/datahubSync/batchProtocol.js";
import type { OutgoingBatch as Batch } from "../../src/sink/batch.js";
import { ConvexCallError } from "../../src/sink/convex-call-error.js";
import type { CallOptions, RunToken } from "../../src/sink/convex-sink.js";
import { nothingMetered } from "../../src/sink/convex-transport.js";
import { explainFailure } from "../../src/sink/explain-failure.js";
import type { FencedCallsOptions } from "../../src/sink/fenced-calls.js";
import { withRetries } from "../../src/sink/with-retries.js";
import type { VirtualClock } from "./virtual-clock.js";

/** Shares of the calls that go wrong, each in its own way; together at most 1. */
export interface FaultShares {
  /** 429 or 503: turned away before a commit. */
  pushedBack: number;
  /** The connection breaks, and the call never arrived. */
  lost: number;
  /** The call is applied, and the answer is lost. */
  unheard: number;
  /** The caller gives up, and the call is applied up to two minutes later. */
  late: number;
}

const NO_FAULTS: FaultShares = { pushedBack: 0, lost: 0, unheard: 0, late: 0 };

type Fault = keyof FaultShares;

/**
 * The sync functions of a deployment for one mirror, reduced to what a sender can notice: the ledger, the token,
 * and calls that fail or arrive late. It writes down whatever no sender should ever do.
 */
export class ModelConvex {
  /** Key to hash: the document of a row is its hash's. */
  readonly rows = new Map<string, string>();
  readonly violations: string[] = [];
  readonly meters = nothingMetered();
  /** Late calls that were refused for their token, and late calls that were applied. */
  readonly late = { refused: 0, applied: 0 };
  mostInFlight = 0;
  /** Every batch that arrived, in order. */
  readonly batches: Batch[] = [];
  /** Hashes that Convex refuses, and what it can write in one transaction. */
  refusesHash: (hash: string) => boolean = () => false;
  maxUpserts = Infinity;
  refusesDeletions = false;
  /** What a batch fails with before it is applied, if anything. */
  fails: (batch: Batch) => ConvexCallError | null = () => null;
  /** Overrides chance: the fault of the next calls, one after the other. */
  readonly script: (Fault | "none")[] = [];
  readonly #inFlight = new Set<Batch>();
  /** Keys and orphans of calls whose outcome the caller never learnt, with the fence they were sent behind. */
  readonly #doubtful = new Map<string, bigint>();

  constructor(
    private readonly clock: VirtualClock,
    readonly token: RunToken,
    private readonly faults: FaultShares = NO_FAULTS,
  ) {}

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get sink(): FencedCallsOptions["sink"] {
    return {
      applyBatch: (batch) => this.#applyBatch(batch),
      rotateFence: (token, nextFence, options) => this.#rotateFence(token, nextFence, options),
      explain: (error, table) => explainFailure(error, "model.example", table),
      meter: () => this.meters,
    };
  }

  async #applyBatch(batch: Batch): Promise<BatchResult> {
    this.#watch(batch);
    this.batches.push(batch);
    this.#inFlight.add(batch);
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight.size);
    try {
      return await this.#call("applyBatch", () => {
        const failure = this.fails(batch);
        if (failure !== null) throw failure;
        return this.#apply(batch);
      });
    } catch (error) {
      const kind = (error as ConvexCallError).kind;
      if (kind === "network" || kind === "timeout") {
        for (const id of idsOf(batch)) this.#doubtful.set(id, batch.fence);
      }
      throw error;
    } finally {
      this.#inFlight.delete(batch);
    }
  }

  #rotateFence(token: RunToken, nextFence: bigint, options: CallOptions = {}): Promise<void> {
    if (this.#inFlight.size > 0) this.violations.push("the fence was rotated while a batch was in flight");
    const rotate = () => {
      if (this.token.fence === nextFence) return;
      this.#requireToken(token);
      this.token.fence = nextFence;
    };
    return withRetries(() => this.#call("rotateFence", () => rotate()), {
      clock: this.clock,
      maxAttempts: 50,
      ...options,
    });
  }

  async #call<T>(functionName: string, apply: () => T): Promise<T> {
    this.meters.calls += 1;
    await this.#pass(1 + this.clock.random() * 200);
    const broken = new ConvexCallError({ kind: "network", functionName, code: "ECONNRESET" });
    switch (this.#chooseFault()) {
      case "none":
        return apply();
      case "pushedBack":
        throw new ConvexCallError({ kind: "http", functionName, status: 429, code: "TooManyWrites" });
      case "lost":
        throw broken;
      case "unheard":
        apply();
        throw broken;
      case "late":
        this.clock.after(this.clock.random() * 120_000, () => this.#applyLate(apply));
        throw new ConvexCallError({ kind: "timeout", functionName });
    }
  }

  #applyLate(apply: () => unknown): void {
    try {
      apply();
      this.late.applied += 1;
    } catch (error) {
      if (!(error instanceof ConvexCallError)) throw error;
      if (error.code === "STALE_TOKEN") this.late.refused += 1;
    }
  }

  #apply({ upserts, deletions, ...token }: Batch): BatchResult {
    this.#requireToken(token);
    if (upserts.length > this.maxUpserts) throw functionError("FUNCTION_FAILED");
    if (upserts.some((row) => this.refusesHash(row.hash))) throw functionError("ROW_FAILED");
    if (this.refusesDeletions && deletions.length > 0) throw functionError("FUNCTION_FAILED");
    const result: BatchResult = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0 };
    for (const { key, hash } of upserts) {
      const held = this.rows.get(key);
      result[held === undefined ? "inserted" : held === hash ? "unchanged" : "updated"] += 1;
      this.rows.set(key, hash);
    }
    for (const key of deletions) result[this.rows.delete(key) ? "deleted" : "absent"] += 1;
    return result;
  }

  #requireToken({ epoch, nonce, fence }: RunToken): void {
    const { token } = this;
    if (epoch !== token.epoch || nonce !== token.nonce || fence !== token.fence) {
      throw functionError("STALE_TOKEN");
    }
  }

  #watch(batch: Batch): void {
    const ids = idsOf(batch);
    if (ids.some((id) => (this.#doubtful.get(id) ?? -1n) >= batch.fence)) {
      this.violations.push("after an unknown outcome, a key was sent again behind the same fence");
    }
    if (new Set(ids).size < ids.length) this.violations.push("a key stands twice in one batch");
    for (const other of this.#inFlight) {
      if (other.slot === batch.slot) this.violations.push("two calls in flight share a slot");
      const others = new Set(idsOf(other));
      if (ids.some((id) => others.has(id))) this.violations.push("a key is in two batches in flight");
    }
  }

  #chooseFault(): Fault | "none" {
    const scripted = this.script.shift();
    if (scripted !== undefined) return scripted;
    let chance = this.clock.random();
    for (const fault of ["pushedBack", "lost", "unheard", "late"] as const) {
      chance -= this.faults[fault];
      if (chance < 0) return fault;
    }
    return "none";
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }
}

function functionError(code: string): ConvexCallError {
  return new ConvexCallError({ kind: "function", functionName: "applyBatch", code });
}

function idsOf({ upserts, deletions, orphans }: Batch): string[] {
  return [...upserts.map((row) => row.key), ...deletions, ...orphans];
}
