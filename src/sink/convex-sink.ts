import type {
  AdoptResult,
  Adoption,
  Batch as BatchArguments,
  BatchResult,
} from "../../convex/datahubSync/batchProtocol.js";
import { LIMITS, MODULE_NAME, PROTOCOL_VERSION } from "../../convex/datahubSync/protocol.js";
import type { BeginRuns, FinishRuns, RunResult } from "../../convex/datahubSync/runProtocol.js";
import type { HandshakeResult } from "../../convex/datahubSync/stateProtocol.js";
import type { DefaultFunctionArgs } from "convex/server";
import type { Clock } from "../model/clock.js";
import { SyncError } from "../model/errors.js";
import { printUpserts, type OutgoingBatch } from "./batch.js";
import { ConvexCallError } from "./convex-call-error.js";
import {
  ConvexTransport,
  nothingMetered,
  type CallMeter,
  type TransportOptions,
} from "./convex-transport.js";
import { inParts } from "./cut-calls.js";
import { explainFailure, explainHandshakeFailure } from "./explain-failure.js";
import { MirrorSink, type AskOfMirror } from "./mirror-sink.js";
import { withRetries } from "./with-retries.js";

/** The fencing token of a mirror's run; see `tokenFields` in the protocol. */
export type RunToken = { table: string; epoch: bigint; nonce: string; fence: bigint };

export interface CallOptions {
  /** Ends waits, and calls where they stand. */
  signal?: AbortSignal | undefined;
  /** A time of the clock (milliseconds) after which nothing is tried again. */
  deadlineAt?: number | undefined;
}

export interface SinkOptions extends TransportOptions {
  clock: Clock;
  /** Calls made at most for one request, the first included. Default 8, with about a minute of waits. */
  maxAttempts?: number;
  /** The same for the handshake, where a mistyped URL should be told soon. Default 4. */
  maxHandshakeAttempts?: number;
}

/**
 * The sync functions of a deployment, typed. Every method but `applyBatch` repeats what may be repeated and
 * then throws a SyncError that names cause and remedy. The functions are idempotent, late duplicates included:
 * a mirror's epoch, nonce and fence only move on.
 */
export class ConvexSink {
  readonly host: string;
  readonly #transport: ConvexTransport;
  readonly #options: SinkOptions;
  readonly #meters = new Map<string, CallMeter>();

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#transport = new ConvexTransport(options);
    this.host = this.#transport.host;
  }

  /** Calls, retries and bytes for all mirrors together: the handshake, the beginning and the end. */
  readonly shared: CallMeter = nothingMetered();

  /** Calls, retries and bytes for one table so far. The object is live. */
  meter(table: string): CallMeter {
    let meter = this.#meters.get(table);
    if (meter === undefined) this.#meters.set(table, (meter = nothingMetered()));
    return meter;
  }

  /**
   * What the deployment knows of these mirrors. The first call of a run: it tells whether the functions are
   * there, speak our protocol and accept the key. A table that is not deployed is reported, not thrown.
   */
  async handshake(tables: readonly string[], options: CallOptions = {}): Promise<HandshakeResult> {
    const whole: HandshakeResult = { protocol: PROTOCOL_VERSION, mirrors: [] };
    for (let from = 0; from === 0 || from < tables.length; from += LIMITS.mirrors) {
      const part = tables.slice(from, from + LIMITS.mirrors);
      whole.mirrors.push(...(await this.#shakeHands(part, options)).mirrors);
    }
    return whole;
  }

  /**
   * Begins runs of mirrors: from here on, only writes with their (epoch, nonce) are accepted. Fence 0.
   * @returns those that were refused, and why
   */
  async beginRuns(run: BeginRuns, options?: CallOptions): Promise<Map<string, SyncError>> {
    return this.#forAll("beginRuns", run.tables, (tables) => ({ ...run, tables }), options);
  }

  /** Makes late duplicates of earlier batches harmless: they carry a fence that is no longer the mirror's. */
  async rotateFence(token: RunToken, nextFence: bigint, options?: CallOptions): Promise<void> {
    await this.#call("mutation", "rotateFence", { ...token, nextFence }, options);
  }

  /**
   * One batch, tried once; any failure is a ConvexCallError. What follows from it is for FencedCalls to do, since
   * a repetition may need a new fence first. It takes no signal: a call under way is let finish, so that its
   * outcome is known.
   */
  applyBatch({ upserts, ...rest }: OutgoingBatch): Promise<BatchResult> {
    const batch: BatchArguments = { ...rest, upserts: [] };
    const printed = { upserts: printUpserts(upserts) };
    return this.#transport.mutation("applyBatch", batch, { meter: this.meter(batch.table), printed });
  }

  /** Documents become the mirror's. @returns how many did */
  async adopt(token: RunToken, entries: Adoption["entries"], options?: CallOptions): Promise<number> {
    const args = { ...token, slot: 0, entries };
    return (await this.#call<typeof args, AdoptResult>("mutation", "adoptDocuments", args, options)).adopted;
  }

  /**
   * Ends runs: the mirrors' state documents show the new watermarks, and the tokens are good for nothing more.
   * @returns those that were refused, and why
   */
  async finishRuns(run: FinishRuns, options?: CallOptions): Promise<Map<string, SyncError>> {
    return this.#forAll("finishRuns", run.ends, (ends) => ({ ...run, ends }), options);
  }

  /** What a deployment holds of one mirror, to read. @param options of each of its calls */
  mirror(table: string, options: CallOptions = {}): MirrorSink {
    const ask: AskOfMirror = (name, args, canCut) =>
      this.#call("query", name, { table, ...args }, { ...options, canCut });
    return new MirrorSink(ask, async () => (await this.handshake([table], options)).mirrors[0]!);
  }

  /** The SyncError for a failed call that is not tried again. */
  explain(error: ConvexCallError, table: string): SyncError {
    return explainFailure(error, this.host, table);
  }

  async #shakeHands(tables: string[], options: CallOptions): Promise<HandshakeResult> {
    const meter = this.shared;
    // A place of its own each time, so that what is left out of the samples is looked at by another run.
    const sampleFrom = Math.floor(this.#options.clock.random() * tables.length);
    const result = await this.#repeat<HandshakeResult>(
      () => this.#transport.query("handshake", { tables, sampleFrom }, { meter, signal: options.signal }),
      { ...options, meter, maxAttempts: this.#options.maxHandshakeAttempts ?? 4 },
      (error) => explainHandshakeFailure(error, this.host),
    );
    if (result.protocol !== PROTOCOL_VERSION) throw this.#protocolMismatch(result.protocol);
    return result;
  }

  /** A mutation for many mirrors, in parts; one that is too much for a transaction is cut in half. */
  async #forAll<Mirror>(
    name: string,
    mirrors: readonly Mirror[],
    argumentsFor: (part: Mirror[]) => DefaultFunctionArgs,
    options: CallOptions = {},
  ): Promise<Map<string, SyncError>> {
    const results = await inParts(mirrors, LIMITS.mirrors, (part) =>
      this.#callFor(name, argumentsFor(part), { ...options, canCut: part.length > 1 }),
    );
    const refusals = results.flatMap(({ table, refused }) => {
      if (refused === null) return [];
      const functionName = `${MODULE_NAME}:${name}`;
      const { code, message: detail } = refused;
      const failure = new ConvexCallError({ kind: "function", functionName, code, detail });
      return [[table, this.explain(failure, table)] as const];
    });
    return new Map(refusals);
  }

  async #callFor(
    name: string,
    args: DefaultFunctionArgs,
    options: CallOptions & { canCut: boolean },
  ): Promise<RunResult[]> {
    const meter = this.shared;
    const { results } = await this.#repeat<{ results: RunResult[] }>(
      () => this.#transport.mutation(name, args, { meter, signal: options.signal }),
      { ...options, meter, maxAttempts: this.#options.maxAttempts ?? 8 },
      (error) => explainFailure(error, this.host, null),
    );
    return results;
  }

  #call<Args extends { table: string }, Result>(
    type: "query" | "mutation",
    name: string,
    args: Args,
    options: CallOptions & { canCut?: boolean } = {},
  ): Promise<Result> {
    const meter = this.meter(args.table);
    return this.#repeat(
      () => this.#transport[type](name, args, { meter, signal: options.signal }),
      { ...options, meter, maxAttempts: this.#options.maxAttempts ?? 8 },
      (error) => this.explain(error, args.table),
    );
  }

  async #repeat<Result>(
    call: () => Promise<Result>,
    { meter, ...options }: CallOptions & { meter: CallMeter; maxAttempts: number; canCut?: boolean },
    explain: (error: ConvexCallError) => SyncError,
  ): Promise<Result> {
    const onRetry = () => void (meter.retries += 1);
    try {
      return await withRetries(call, { ...options, clock: this.#options.clock, onRetry });
    } catch (error) {
      throw error instanceof ConvexCallError ? explain(error) : error;
    }
  }

  #protocolMismatch(deployed: number): SyncError {
    const older = deployed < PROTOCOL_VERSION;
    return new SyncError({
      code: "PROTOCOL_MISMATCH",
      message: `The functions deployed at ${this.host} speak version ${deployed} of the protocol, this command version ${PROTOCOL_VERSION}.`,
      remedy: older
        ? "Deploy the functions of this version: `npx convex deploy` (see the README for apps with functions of their own)."
        : "Update datahub-sync to the version whose functions are deployed.",
    });
  }
}
