import type { JSONValue } from "convex/values";
import type { LocalDeployment } from "./deployment.js";
import { BAD_ADMIN_KEY, CallRefused, FunctionFailed } from "./errors.js";
import { isAdminKey } from "./http.js";
import type { ReadRange } from "./store.js";

/**
 * The server's side of the protocol that Convex's clients speak over a WebSocket (browser/sync/protocol.ts
 * of the npm package): the CLI reads tables through it, and apps subscribe to queries. A subscribed query
 * runs again when a commit has written into what it read.
 */
type ClientMessage =
  | { type: "Connect" | "Event" }
  | { type: "Authenticate"; tokenType: "Admin" | "User" | "None"; value?: string; baseVersion: number }
  | { type: "ModifyQuerySet"; baseVersion: number; newVersion: number; modifications: QueryModification[] }
  | { type: "Mutation" | "Action"; requestId: number; udfPath: string; args: JSONValue[] };

type QueryModification =
  { type: "Add"; queryId: number; udfPath: string; args: JSONValue[] } | { type: "Remove"; queryId: number };

interface Subscription {
  udfPath: string;
  args: JSONValue;
  /** Null until it has run, and after a failure: any commit may mend it. */
  reads: readonly ReadRange[] | null;
}

const PING_INTERVAL_MS = 15_000;

export class SyncSession {
  #admin = false;
  #version = { querySet: 0, identity: 0, ts: 0 };
  #subscriptions = new Map<number, Subscription>();
  #work: Promise<void> = Promise.resolve();
  #closed = new AbortController();
  readonly #stopListening: () => void;

  constructor(
    private readonly deployment: LocalDeployment,
    private readonly send: (message: string) => void,
    private readonly closeSocket: () => void,
  ) {
    this.#stopListening = deployment.onCommit((touched) => {
      const stale = [...this.#subscriptions].filter(([, { reads }]) => reads === null || touched(reads));
      if (stale.length > 0) this.#enqueue(() => this.#refresh(stale.map(([queryId]) => queryId)));
    });
    void this.#ping();
  }

  receive(text: string): void {
    this.#enqueue(() => this.#handle(JSON.parse(text) as ClientMessage));
  }

  close(): void {
    this.#stopListening();
    this.#closed.abort();
  }

  /** Messages take effect in the order of their arrival. */
  #enqueue(work: () => Promise<void> | void): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.send(JSON.stringify({ type: "FatalError", error: (error as Error).message }));
      this.closeSocket();
    });
  }

  async #handle(message: ClientMessage): Promise<void> {
    switch (message.type) {
      case "Connect":
      case "Event":
        return;
      case "Authenticate":
        return this.#authenticate(message);
      case "ModifyQuerySet": {
        const modifications: JSONValue[] = [];
        for (const change of message.modifications) {
          if (change.type === "Remove") {
            this.#subscriptions.delete(change.queryId);
            modifications.push({ type: "QueryRemoved", queryId: change.queryId });
          } else {
            const { udfPath, args } = change;
            this.#subscriptions.set(change.queryId, { udfPath, args: args[0] ?? {}, reads: null });
            modifications.push(await this.#answer(change.queryId));
          }
        }
        return this.#transition({ querySet: message.newVersion }, modifications);
      }
      case "Mutation":
      case "Action":
        return this.#mutate(message.type, message);
    }
  }

  #authenticate(message: ClientMessage & { type: "Authenticate" }): void {
    this.#admin = message.tokenType === "Admin" && isAdminKey(this.deployment, message.value ?? "");
    if (message.tokenType !== "None" && !this.#admin) {
      this.send(
        JSON.stringify({
          type: "AuthError",
          error: BAD_ADMIN_KEY,
          baseVersion: message.baseVersion,
          authUpdateAttempted: true,
        }),
      );
      return this.closeSocket();
    }
    this.#transition({ identity: message.baseVersion + 1 }, []);
  }

  async #refresh(queryIds: number[]): Promise<void> {
    const modifications: JSONValue[] = [];
    for (const queryId of queryIds) {
      if (this.#subscriptions.has(queryId)) modifications.push(await this.#answer(queryId));
    }
    this.#transition({}, modifications);
  }

  async #answer(queryId: number): Promise<JSONValue> {
    const subscription = this.#subscriptions.get(queryId)!;
    const rest = { queryId, logLines: [], journal: null };
    try {
      const { value, reads } = await this.deployment.call("query", subscription.udfPath, subscription.args, {
        admin: this.#admin,
      });
      subscription.reads = reads;
      return { type: "QueryUpdated", value, ...rest };
    } catch (error) {
      subscription.reads = null;
      return { type: "QueryFailed", ...failureOf(error), ...rest };
    }
  }

  async #mutate(
    type: "Mutation" | "Action",
    { requestId, udfPath, args }: { requestId: number; udfPath: string; args: JSONValue[] },
  ): Promise<void> {
    const kind = type === "Mutation" ? "mutation" : "action";
    const head = { type: `${type}Response`, requestId, logLines: [] };
    try {
      const { value } = await this.deployment.call(kind, udfPath, args[0] ?? {}, { admin: this.#admin });
      const ts = encodeTimestamp(this.deployment.version);
      this.send(JSON.stringify({ ...head, success: true, result: value, ts }));
    } catch (error) {
      const { errorMessage, ...data } = failureOf(error);
      this.send(JSON.stringify({ ...head, success: false, result: errorMessage, ...data }));
    }
    // The client takes a mutation for done once it has seen a state that is no older.
    this.#enqueue(() => this.#transition({}, []));
  }

  #transition(change: { querySet?: number; identity?: number }, modifications: JSONValue[]): void {
    const startVersion = this.#version;
    this.#version = { ...startVersion, ...change, ts: this.deployment.version };
    const encode = (version: typeof startVersion) => ({ ...version, ts: encodeTimestamp(version.ts) });
    this.send(
      JSON.stringify({
        type: "Transition",
        startVersion: encode(startVersion),
        endVersion: encode(this.#version),
        modifications,
      }),
    );
  }

  async #ping(): Promise<void> {
    try {
      for (;;) {
        await this.deployment.clock.sleep(PING_INTERVAL_MS, this.#closed.signal);
        this.send(JSON.stringify({ type: "Ping" }));
      }
    } catch {
      // The session is closed.
    }
  }
}

function failureOf(error: unknown): { errorMessage: string; errorData?: JSONValue } {
  if (error instanceof FunctionFailed) {
    return { errorMessage: error.message, ...(error.data !== undefined && { errorData: error.data }) };
  }
  if (error instanceof CallRefused) return { errorMessage: `${error.code}: ${error.message}` };
  throw error;
}

/** An unsigned 64-bit number, little-endian, in base64. */
function encodeTimestamp(ts: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(ts));
  return bytes.toString("base64");
}
