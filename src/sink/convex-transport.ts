import type { ConvexHttpClient } from "convex/browser";
import type { DefaultFunctionArgs } from "convex/server";
import { MODULE_NAME, type Usage } from "../../convex/datahubSync/protocol.js";
import type { Clock } from "../model/clock.js";
import { CONVEX_LIMITS } from "../model/limits.js";
import { CallTimeLimit } from "./call-time-limit.js";
import { ConvexCallError } from "./convex-call-error.js";
import { readFunctionFailure, readHttpFailure, readSocketCode } from "./read-failure.js";

const DEFAULT_CALL_TIMEOUT_MS = 30_000;

/** The status by which Convex may say that a function failed; the client reads it as it reads a 200. */
const STATUS_FUNCTION_FAILED = 560;

/** What calls cost: the first three counted as they are sent, the others as Convex tells them. */
export interface CallMeter {
  calls: number;
  retries: number;
  /** Bytes of request bodies. */
  bytesSent: number;
  /** Bytes of database I/O as Convex bills them, of the calls that were answered. */
  bytesRead: number;
  bytesWritten: number;
}

export const nothingMetered = (): CallMeter => ({
  calls: 0,
  retries: 0,
  bytesSent: 0,
  bytesRead: 0,
  bytesWritten: 0,
});

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
  /**
   * Arguments that are JSON in Convex's encoding already, by name; they are given as empty lists. Rows are most of
   * what is ever sent: the library would walk each of their values once more, to print the same.
   */
  printed?: Readonly<Record<string, string>> | undefined;
}

/** What a call needs of Convex's own library. It loads while Postgres is being connected to, and not before that. */
async function loadLibrary() {
  const [{ ConvexHttpClient }, { makeFunctionReference }] = await Promise.all([
    import("convex/browser"),
    import("convex/server"),
  ]);
  return { ConvexHttpClient, makeFunctionReference };
}
type Library = Awaited<ReturnType<typeof loadLibrary>>;

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
  readonly #library: ReturnType<typeof loadLibrary>;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#library = loadLibrary();
    this.#library.catch(() => {}); // a call will say so
    this.#address = options.url.replace(/\/+$/, "");
    this.host = new URL(options.url).host;
  }

  query<Args extends DefaultFunctionArgs, Result>(
    name: string,
    args: Args,
    call: TransportCall,
  ): Promise<Result> {
    return this.#perform(name, call, (client, { makeFunctionReference }) => {
      const reference = makeFunctionReference<"query", DefaultFunctionArgs, Result>(`${MODULE_NAME}:${name}`);
      return client.query(reference, this.#withKey(args));
    });
  }

  mutation<Args extends DefaultFunctionArgs, Result>(
    name: string,
    args: Args,
    call: TransportCall,
  ): Promise<Result> {
    return this.#perform(name, call, (client, { makeFunctionReference }) => {
      const reference = makeFunctionReference<"mutation", DefaultFunctionArgs, Result>(
        `${MODULE_NAME}:${name}`,
      );
      // A client queues its mutations by default. This one is the call's own, and says what is meant.
      return client.mutation(reference, this.#withKey(args), { skipQueue: true });
    });
  }

  #withKey(args: DefaultFunctionArgs): DefaultFunctionArgs {
    return { syncKey: this.#options.syncKey, ...args };
  }

  async #perform<Result>(
    name: string,
    { meter, signal, printed }: TransportCall,
    send: (client: ConvexHttpClient, library: Library) => Promise<Result>,
  ): Promise<Result> {
    const functionName = `${MODULE_NAME}:${name}`;
    const library = await this.#library;
    const { syncKey, clock, callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS } = this.#options;
    const limit = new CallTimeLimit(clock, callTimeoutMs, signal);
    const progress: { stage: "preparing" | "sending" | "answered" } = { stage: "preparing" };

    const fetchOnce: typeof globalThis.fetch = async (input, init) => {
      const requestBody = insertPrinted(init?.body as string, printed);
      const bytes = Buffer.byteLength(requestBody);
      if (bytes > CONVEX_LIMITS.maxArgumentBytes) {
        throw new ConvexCallError({ kind: "unsendable", functionName, code: "REQUEST_TOO_LARGE" });
      }
      progress.stage = "sending";
      meter.calls += 1;
      meter.bytesSent += bytes;
      const fetch = this.#options.fetch ?? globalThis.fetch;
      // A redirect would carry the sync key to another host.
      const response = await fetch(input, {
        ...init,
        body: requestBody,
        redirect: "manual",
        signal: limit.signal,
      });
      const body = await response.arrayBuffer();
      if (response.status !== 200 && response.status !== STATUS_FUNCTION_FAILED) {
        throw readHttpFailure(functionName, response, body, clock);
      }
      progress.stage = "answered";
      return new Response(body, { status: 200 });
    };

    try {
      // A client for each call ties the call to its `fetch`; it holds no connection, the built-in fetch does.
      const result = await send(
        new library.ConvexHttpClient(this.#address, {
          fetch: fetchOnce,
          logger: false,
          skipConvexDeploymentUrlCheck: true,
        }),
        library,
      );
      return takeUsage(meter, result);
    } catch (error) {
      if (error instanceof ConvexCallError) throw error;
      if (progress.stage === "answered") throw readFunctionFailure(functionName, error, syncKey);
      if (progress.stage === "preparing") throw new ConvexCallError({ kind: "unsendable", functionName });
      const kind = limit.reachedBy ?? "network";
      throw new ConvexCallError({ kind, functionName, code: readSocketCode(error) });
    } finally {
      limit.lift();
    }
  }
}

/** The result without what it cost, which is counted. Functions of an older version, which the handshake refuses, tell nothing. */
function takeUsage<Result>(meter: CallMeter, result: Result): Result {
  const { used, ...rest } = (result ?? {}) as { used?: Usage };
  if (used === undefined) return result;
  meter.bytesRead += used?.read ?? 0;
  meter.bytesWritten += used?.written ?? 0;
  return rest as Result;
}

/**
 * Puts arguments that are printed already in the place of the empty lists that stand for them. Within a string of JSON
 * a quote is escaped, so nothing but the argument itself is written so.
 */
function insertPrinted(body: string, printed: Readonly<Record<string, string>> = {}): string {
  for (const [name, json] of Object.entries(printed)) {
    const place = `"${name}":[]`;
    const at = body.indexOf(place);
    if (at < 0) throw new Error(`The arguments hold no empty list called ${name}.`);
    body = `${body.slice(0, at)}"${name}":${json}${body.slice(at + place.length)}`;
  }
  return body;
}
