import { fileURLToPath } from "node:url";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { build } from "esbuild";
import type { Call } from "../call.js";
import { outOfTime } from "../errors.js";
import { convexErrorData } from "../failure.js";
import { MAX_HEAP_BYTES, MAX_OWN_MS } from "../limits.js";
import { syscallsOf } from "../syscalls.js";
import type { Answer, FromWorker, LoadedModule, SystemCall, Thrown, ToWorker } from "./worker-protocol.js";

export interface ThreadOptions {
  /** CommonJS by path. */
  scripts: ReadonlyMap<string, string>;
  env: Readonly<Record<string, string>>;
  /** Of a function's own time by the clock, in milliseconds. Default {@link PATIENT_OWN_MS}. */
  maxOwnMs?: number | undefined;
}

/** A module that failed as it was imported. */
export class ImportFailed extends Error {
  constructor(
    readonly path: string,
    { name, message }: Thrown,
  ) {
    super(`${name}: ${message}`);
  }
}

/**
 * Convex's limit, four times: measured by the clock, on machines that are slower than its servers and do other things
 * at once. Measured: a batch of ours that takes 213 ms on an idle machine of two cores took 644 ms beside two others.
 */
const PATIENT_OWN_MS = 4 * MAX_OWN_MS;

/** What Node itself takes of a thread's heap. Measured: 5 MiB. */
const OVERHEAD_MIB = 8;

interface Running {
  call: Call;
  resolve(text: string): void;
  reject(error: unknown): void;
}

/**
 * A thread with its own copy of the pushed modules, for one call at a time: whatever a function does, it can neither stop
 * nor exhaust the deployment. A thread whose function was ended is not used again.
 */
export class FunctionThread {
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #woken: Int32Array;
  readonly #maxOwnMs: number;
  #loading: {
    resolve(modules: ReadonlyMap<string, LoadedModule>): void;
    reject(error: unknown): void;
  } | null;
  #running: Running | null = null;
  #settled: { id: number; answer: Answer }[] = [];
  #usable = true;
  readonly modules: Promise<ReadonlyMap<string, LoadedModule>>;

  private constructor(source: string, { scripts, env, maxOwnMs = PATIENT_OWN_MS }: ThreadOptions) {
    this.#maxOwnMs = maxOwnMs;
    this.#woken = new Int32Array(new SharedArrayBuffer(4));
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    this.#worker = new Worker(source, {
      eval: true,
      workerData: { scripts, env, maxOwnMs, answers: port2, woken: this.#woken },
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_BYTES / 2 ** 20 + OVERHEAD_MIB },
      // Neither our options of Node nor our environment are its own.
      ...{ execArgv: [], env: {} },
    });
    this.#loading = null;
    this.modules = new Promise((resolve, reject) => {
      this.#loading = { resolve, reject };
    });
    this.modules.catch(() => {}); // Whoever uses the thread awaits it.
    this.#worker.on("message", (message: FromWorker) => this.#receive(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("The function's thread has ended.")));
  }

  static async start(options: ThreadOptions): Promise<FunctionThread> {
    return new FunctionThread(await workerSource(), options);
  }

  /** Whether another call may follow. */
  get isUsable(): boolean {
    return this.#usable;
  }

  /** Runs an exported function to its end, and talks to the call's transaction for it. */
  async invoke(call: Call, path: string, name: string, args: string): Promise<string> {
    await this.modules;
    this.#worker.ref();
    try {
      return await new Promise((resolve, reject) => {
        this.#running = { call, resolve, reject };
        this.#post({ type: "invoke", path, name, args, env: { ...call.env } as Record<string, string> });
      });
    } finally {
      this.#running = null;
      this.#worker.unref();
    }
  }

  async end(): Promise<void> {
    this.#usable = false;
    this.#answers.close();
    await this.#worker.terminate();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "loaded":
        this.#worker.unref();
        return this.#loading?.resolve(message.modules);
      case "unloaded":
        return this.#fail(new ImportFailed(message.path, message.thrown));
      case "systemCalls":
        for (const call of message.calls) void this.#answer(this.#running!.call, call);
        return;
      case "systemCallNow":
        return this.#answerNow(this.#running!.call, message);
      case "log": {
        const { call } = this.#running!;
        const { level, messages } = message;
        call.logLines.push({ level, messages, timestamp: call.now(), isTruncated: false });
        return;
      }
      case "returned":
        return this.#running?.resolve(message.text);
      case "threw":
        return this.#running?.reject(thrownAgain(message.thrown));
      case "outOfTime":
        return this.#fail(outOfTime(this.#maxOwnMs));
    }
  }

  #answerNow(call: Call, { operation, args }: { operation: string; args: string }): void {
    let answer: Answer;
    try {
      answer = { text: syscallsOf(call).syscall(operation, args) };
    } catch (error) {
      answer = { thrown: describeThrown(error) };
    }
    this.#answers.postMessage(answer);
    Atomics.store(this.#woken, 0, 1);
    Atomics.notify(this.#woken, 0);
  }

  async #answer(call: Call, { id, operation, args }: SystemCall): Promise<void> {
    let answer: Answer;
    try {
      answer = { text: await syscallsOf(call).asyncSyscall(operation, args) };
    } catch (error) {
      answer = { thrown: describeThrown(error) };
    }
    this.#settled.push({ id, answer });
    if (this.#settled.length > 1) return;
    // Those that are answered with this one go with it.
    setImmediate(() => {
      this.#post({ type: "answers", answers: this.#settled });
      this.#settled = [];
    });
  }

  /** Nothing more is to be had of this thread. */
  #fail(error: unknown): void {
    const reason = isOutOfMemory(error) ? outOfMemory() : error;
    this.#loading?.reject(reason);
    this.#running?.reject(reason);
    if (this.#usable) void this.end();
  }
}

function thrownAgain({ name, message, data }: Thrown): Error {
  const error = Object.assign(new Error(message), { name });
  return data === null ? error : Object.assign(error, { data, [Symbol.for("ConvexError")]: true });
}

/** A nested function's ConvexError has become an error with data, as `convex/server` reads it. */
function describeThrown(error: unknown): Thrown {
  const { name = "Error", message = String(error), data } = (error ?? {}) as Error & { data?: unknown };
  const known = convexErrorData(error) ?? data;
  return { name, message, data: known === undefined ? null : JSON.stringify(known) };
}

function isOutOfMemory(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
}

function outOfMemory(): Error {
  return new Error(`JavaScript execution ran out of memory (maximum memory usage: ${MAX_HEAP_BYTES} bytes)`);
}

let source: Promise<string> | null = null;

/** The worker's text, with what it imports, from TypeScript or as it was built. */
function workerSource(): Promise<string> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  source ??= build({
    entryPoints: [fileURLToPath(new URL(`./function-worker.${extension}`, import.meta.url))],
    ...{ bundle: true, write: false, platform: "node", format: "cjs", target: "node20", logLevel: "silent" },
  }).then(({ outputFiles }) => outputFiles[0]!.text);
  return source;
}
