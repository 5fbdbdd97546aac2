import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Calls of one function that are being counted and held. */
export interface Hold {
  /** Resolves when so many calls have been answered and at least one more waits. */
  reached: Promise<void>;
  /** Lets the waiting calls and all later ones through. A waiting call whose caller is gone is dropped. */
  release: () => void;
}

/** Where a call is caught: before the deployment hears of it, when it has heard half of it, or when it has answered. */
export type CatchPoint = "unheard" | "half heard" | "answered";

interface ActiveCatch {
  path: string;
  point: CatchPoint;
  noteReached: () => void;
  released: Promise<void>;
}

interface ActiveHold {
  path: string;
  letThrough: number;
  passed: number;
  answered: number;
  waiting: number;
  noteReached(): void;
  released: Promise<void>;
}

/**
 * Stands before a deployment and can hold calls, so that a test meets a run at an exact point: after that many
 * acknowledged batches, and no later. Nothing is guessed from time.
 */
export class CallGate {
  readonly url: string;
  #hold: ActiveHold | null = null;
  #catch: ActiveCatch | null = null;

  private constructor(
    private readonly target: string,
    private readonly server: Server,
  ) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(target: string): Promise<CallGate> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const gate = new CallGate(target, server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      gate.#forward(request, response).catch(() => response.destroy());
    });
    return gate;
  }

  /** Lets that many calls of a function (`datahubSync:applyBatch`) through, and holds those after them. */
  hold(path: string, letThrough: number): Hold {
    const reached = deferred();
    const released = deferred();
    const hold: ActiveHold = {
      path,
      letThrough,
      passed: 0,
      answered: 0,
      waiting: 0,
      noteReached: () => {
        if (hold.waiting > 0 && hold.answered === letThrough) reached.resolve();
      },
      released: released.promise,
    };
    this.#hold = hold;
    return {
      reached: reached.promise,
      release: () => {
        this.#hold = null;
        released.resolve();
      },
    };
  }

  /** Catches the next call of a function, and only that one; `reached` resolves when it has been. */
  catchOne(path: string, point: CatchPoint): Hold {
    const reached = deferred();
    const released = deferred();
    this.#catch = { path, point, noteReached: reached.resolve, released: released.promise };
    return { reached: reached.promise, release: released.resolve };
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const hold = this.#hold;
    const counted = hold !== null && body.includes(`"path":"${hold.path}"`) ? hold : null;
    if (counted !== null) {
      if (counted.passed < counted.letThrough) counted.passed += 1;
      else {
        counted.waiting += 1;
        counted.noteReached();
        await counted.released;
        if (request.socket.destroyed) return;
      }
    }
    const caught = this.#takeCatch(body);
    if (caught?.point === "unheard") await stay(caught);
    const answer = await fetch(`${this.target}${request.url}`, {
      method: request.method!,
      headers: headersOf(request),
      ...(caught?.point === "half heard"
        ? { body: ReadableStream.from(inHalves(body, caught)), duplex: "half" }
        : body.length > 0 && { body }),
    });
    const text = await answer.text();
    if (caught?.point === "answered") await stay(caught);
    response.writeHead(answer.status, {
      "Content-Type": answer.headers.get("Content-Type") ?? "application/json",
    });
    response.end(text);
    if (counted !== null) {
      counted.answered += 1;
      counted.noteReached();
    }
  }

  #takeCatch(body: Buffer): ActiveCatch | null {
    const caught = this.#catch;
    if (caught === null || !body.includes(`"path":"${caught.path}"`)) return null;
    this.#catch = null;
    return caught;
  }
}

async function stay({ noteReached, released }: ActiveCatch): Promise<void> {
  noteReached();
  await released;
}

async function* inHalves(body: Buffer, caught: ActiveCatch): AsyncGenerator<Uint8Array> {
  const middle = body.length >> 1;
  yield body.subarray(0, middle);
  await stay(caught);
  yield body.subarray(middle);
}

/** A promise and the function that resolves it; `Promise.withResolvers` is not in Node 20. */
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** The headers that belong to the call and not to the connection. */
function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const kept = ["content-type", "authorization", "convex-client"];
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
}
