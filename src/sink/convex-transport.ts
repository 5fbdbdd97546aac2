import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference, type DefaultFunctionArgs } from "convex/server";
import { ConvexError } from "convex/values";
import { MODULE_NAME } from "../../convex/datahubSyncProtocol.js";
import type { Clock } from "../clock.js";
import { CONVEX_LIMITS } from "../limits.js";
import { ConvexCallError, type CallFailure, type CallFailureKind } from "./convex-call-error.js";
import { isFunctionCode } from "./retry-policy.js";

export const DEFAULT_CALL_TIMEOUT_MS = 30_000;

/** The status by which Convex may say that a function failed; the client reads it as it reads a 200. */
const STATUS_FUNCTION_FAILED = 560;

/** What calls cost, counted as they are sent. */
export interface CallMeter {
  calls: number;
  retries: number;
  /** Bytes of request bodies. */
  bytesSent: number;
}

export interface TransportOptions {
  /** The deployment's URL, without "/api". */
  url: string;
  /** CONVEX_SYNC_AUTH_KEY: part of every call's arguments, and of nothing else. */
  syncKey: string;
  clock: Clock;
  /** From the first byte sent to the last byte received. Default 30,000. */
  callTimeoutMs?: number;
  fetch?: typeof globalThis.fetch;
}

export interface TransportCall {
  meter: CallMeter;
  /** Aborts the call where it stands; its outcome is then unknown. */
  signal?: AbortSignal | undefined;
}

/**
 * One call to the sync functions over HTTP, tried once: `convex/browser` for the protocol and the encoding,
 * and our own `fetch` around the built-in one for what the client lacks: a time limit, the HTTP status, and
 * counters. Every failure is a ConvexCallError.
 */
export class ConvexTransport {
  /** For messages: the URL itself may hold credentials. */
  readonly host: string;
  readonly #options: TransportOptions;
  readonly #address: string;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#address = options.url.replace(/\/+$/, "");
    this.host = new URL(options.url).host;
  }

  query<Args extends DefaultFunctionArgs, Result>(
    name: string,
    args: Args,
    call: TransportCall,
  ): Promise<Result> {
    const reference = makeFunctionReference<"query", DefaultFunctionArgs, Result>(`${MODULE_NAME}:${name}`);
    return this.#perform(name, call, (client) => client.query(reference, this.#withKey(args)));
  }

  mutation<Args extends DefaultFunctionArgs, Result>(
    name: string,
    args: Args,
    call: TransportCall,
  ): Promise<Result> {
    const reference = makeFunctionReference<"mutation", DefaultFunctionArgs, Result>(
      `${MODULE_NAME}:${name}`,
    );
    // A client queues its mutations by default. This one is the call's own, and says what is meant.
    return this.#perform(name, call, (client) =>
      client.mutation(reference, this.#withKey(args), { skipQueue: true }),
    );
  }

  #withKey(args: DefaultFunctionArgs): DefaultFunctionArgs {
    return { syncKey: this.#options.syncKey, ...args };
  }

  async #perform<Result>(
    name: string,
    { meter, signal }: TransportCall,
    send: (client: ConvexHttpClient) => Promise<Result>,
  ): Promise<Result> {
    const functionName = `${MODULE_NAME}:${name}`;
    const limit = new CallTimeLimit(
      this.#options.clock,
      this.#options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS,
      signal,
    );
    const progress: { stage: "preparing" | "sending" | "answered" } = { stage: "preparing" };

    const fetchOnce: typeof globalThis.fetch = async (input, init) => {
      const bytes = Buffer.byteLength(init?.body as string);
      if (bytes > CONVEX_LIMITS.maxArgumentBytes) {
        throw new ConvexCallError({ kind: "unsendable", functionName, code: "REQUEST_TOO_LARGE" });
      }
      progress.stage = "sending";
      meter.calls += 1;
      meter.bytesSent += bytes;
      const fetch = this.#options.fetch ?? globalThis.fetch;
      // A redirect would carry the sync key to another host.
      const response = await fetch(input, { ...init, redirect: "manual", signal: limit.signal });
      const body = await response.arrayBuffer();
      if (response.status !== 200 && response.status !== STATUS_FUNCTION_FAILED) {
        throw new ConvexCallError({
          kind: "http",
          functionName,
          status: response.status,
          code: readCode(body),
          retryAfterMs: readRetryAfterMs(response.headers, this.#options.clock),
        });
      }
      progress.stage = "answered";
      return new Response(body, { status: 200 });
    };

    try {
      // A client for each call ties the call to its `fetch`; it holds no connection, the built-in fetch does.
      return await send(
        new ConvexHttpClient(this.#address, {
          fetch: fetchOnce,
          logger: false,
          skipConvexDeploymentUrlCheck: true,
        }),
      );
    } catch (error) {
      if (error instanceof ConvexCallError) throw error;
      if (progress.stage === "answered")
        throw readFunctionFailure(functionName, error, this.#options.syncKey);
      const kind: CallFailureKind =
        progress.stage === "preparing" ? "unsendable" : (limit.reachedBy ?? "network");
      throw new ConvexCallError({
        kind,
        functionName,
        code: kind === "network" ? socketCode(error) : null,
      });
    } finally {
      limit.lift();
    }
  }
}

/** Aborts a call when its time is up or when the caller's signal aborts, and remembers which it was. */
class CallTimeLimit {
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

function readFunctionFailure(functionName: string, error: unknown, syncKey: string): ConvexCallError {
  // A 200 that is not JSON did not come from Convex, or was cut: whether the function ran is not known.
  if (error instanceof SyntaxError) {
    return new ConvexCallError({ kind: "network", functionName, code: "BAD_ANSWER" });
  }
  const failure: CallFailure = {
    kind: "function",
    functionName,
    code: "FUNCTION_FAILED",
    requestId: error instanceof Error ? readRequestId(error.message) : null,
  };
  if (!(error instanceof ConvexError)) return new ConvexCallError(failure);
  const data = error.data as unknown;
  if (typeof data !== "object" || data === null) return new ConvexCallError(failure);
  const { code, message, reason } = data as { code?: unknown; message?: unknown; reason?: unknown };
  // Another code would be another function's, and so would be the message.
  if (!isFunctionCode(code)) return new ConvexCallError(failure);
  const sentences = [message, reason].filter((sentence) => typeof sentence === "string");
  const detail = sentences.join(" ").replaceAll(syncKey, "[sync key]");
  return new ConvexCallError({ ...failure, code, detail });
}

function readRequestId(message: string): string | null {
  return /^\[Request ID: (\w{1,64})\]/.exec(message)?.[1] ?? null;
}

/** The code of `{code, message}`. The message may quote what was sent. */
function readCode(body: ArrayBuffer): string | null {
  try {
    const { code } = JSON.parse(new TextDecoder().decode(body)) as { code?: unknown };
    return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : null;
  } catch {
    return null;
  }
}

/** Retry-After is a number of seconds or an HTTP date. */
function readRetryAfterMs(headers: Headers, clock: Clock): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

function socketCode(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : null;
}
