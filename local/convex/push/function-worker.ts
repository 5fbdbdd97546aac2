import { inspect } from "node:util";
import vm from "node:vm";
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";

/**
 * What runs in a thread of its own: pushed modules, in a context with Convex's globals and none of Node's. It is started
 * from its text (function-thread.ts), as TypeScript or as built, and so imports nothing but Node's own modules.
 */
export interface WorkerInput {
  /** CommonJS by path ("notes.js", "_deps/ABC.js"). */
  scripts: ReadonlyMap<string, string>;
  /** What modules see as `process.env` as they are imported. */
  env: Readonly<Record<string, string>>;
  /** The time of a module's top level, and of a function between its system calls, in milliseconds. */
  maxOwnMs: number;
  /** Answers to system calls for which the function can't wait; `woken` rises with each. */
  answers: MessagePort;
  woken: Int32Array;
}

export interface Thrown {
  name: string;
  message: string;
  /** A ConvexError's, as JSON text. */
  data: string | null;
}

/** A function of a module, and what Convex reads of it. */
export interface ExportedFunction {
  name: string;
  kind: "isQuery" | "isMutation" | "isAction";
  isPublic: boolean;
  args: string;
  returns: string;
}

export interface LoadedModule {
  functions: ExportedFunction[];
  /** Of a default export that is no function. */
  unsupported: "crons" | "HTTP routes" | null;
  /** Of a schema.ts: what `defineSchema(…).export()` writes. */
  schema: string | null;
}

export interface SystemCall {
  id: number;
  operation: string;
  args: string;
}

export type FromWorker =
  | { type: "loaded"; modules: ReadonlyMap<string, LoadedModule> }
  | { type: "unloaded"; path: string; thrown: Thrown }
  | { type: "systemCalls"; calls: SystemCall[] }
  /** The worker waits for the answer. */
  | { type: "systemCallNow"; operation: string; args: string }
  | { type: "log"; level: "LOG" | "INFO" | "DEBUG" | "WARN" | "ERROR"; messages: string[] }
  | { type: "returned"; text: string }
  | { type: "threw"; thrown: Thrown }
  | { type: "outOfTime" };

export type Answer = { text: string } | { thrown: Thrown };

export type ToWorker =
  | { type: "invoke"; path: string; name: string; args: string; env: Readonly<Record<string, string>> }
  | { type: "answers"; answers: { id: number; answer: Answer }[] };

/** What is entered next, inside of the context: see {@link INSIDE}. */
type Job =
  | { type: "import"; run: () => void }
  | { type: "invoke"; exported: unknown; args: string }
  | { type: "answers"; answers: { id: number; answer: Answer }[] };

const port = parentPort!;
const { scripts, env: importEnv, maxOwnMs, answers, woken } = workerData as WorkerInput;

let env = importEnv;
let calling = false;
let ownMs = 0;
/** System calls that the function has begun since it was last entered: sent together. */
let begun: SystemCall[] = [];
let underWay = 0;
let job: Job | null = null;

const send = (message: FromWorker) => port.postMessage(message);

function sendBegun(): void {
  if (begun.length > 0) send({ type: "systemCalls", calls: begun });
  begun = [];
}

/** Functions that the context's own code calls. What crosses is text: objects of two contexts should not meet. */
const host = {
  job: () => job,
  env: () => JSON.stringify(env),
  begin(id: number, operation: string, args: string) {
    requireCall();
    begun.push({ id, operation, args });
    underWay += 1;
  },
  now(operation: string, args: string): Answer {
    requireCall();
    sendBegun();
    const startedAt = performance.now();
    send({ type: "systemCallNow", operation, args });
    Atomics.wait(woken, 0, 0);
    Atomics.store(woken, 0, 0);
    ownMs -= performance.now() - startedAt;
    return (receiveMessageOnPort(answers) as { message: Answer }).message;
  },
  returned(text: string) {
    end({ type: "returned", text });
  },
  threw(name: string, message: string, data: string | null) {
    end({ type: "threw", thrown: { name, message, data } });
  },
};

function requireCall(): void {
  if (!calling) throw new Error("Convex functions can only talk to their deployment while they are called.");
}

function end(message: FromWorker): void {
  if (!calling) return;
  calling = false;
  sendBegun();
  send(message);
}

const onlyInActions = (name: string) => () => {
  throw new Error(`Can't use ${name} in queries and mutations. Please consider using an action.`);
};

/** What a module writes as it is imported, nobody reads. */
const write =
  (level: (FromWorker & { type: "log" })["level"]) =>
  (...values: unknown[]) => {
    if (calling) send({ type: "log", level, messages: values.map((value) => inspect(value)) });
  };

/** What Convex's runtime has beside JavaScript itself, as far as queries and mutations may use it. */
const GLOBALS = {
  ...{ atob, btoa, structuredClone, crypto },
  ...{ TextEncoder, TextDecoder, URL, URLSearchParams, Headers, Request, Response, FormData, Blob },
  ...{ Event, EventTarget, AbortController, AbortSignal, DOMException },
  ...{ ReadableStream, WritableStream, TransformStream },
  console: {
    log: write("LOG"),
    info: write("INFO"),
    debug: write("DEBUG"),
    warn: write("WARN"),
    error: write("ERROR"),
  },
  fetch: onlyInActions("fetch"),
  setTimeout: onlyInActions("setTimeout"),
  setInterval: onlyInActions("setInterval"),
};

/** The property by which the context is entered; a symbol that its modules don't have. */
const ENTER = "datahub-sync: enter";

/**
 * Runs in the context first, so that its promises and errors are the functions' own. Their reactions wait in a queue of the
 * context's, which runs only within `enter`, and so within its time.
 */
const INSIDE = `(function (host) {
  "use strict";
  const pending = new Map();
  let latest = 0;
  const failure = ({ message, data }) =>
    Object.assign(new Error(message), data === null ? {} : { data: JSON.parse(data) });
  globalThis.self = globalThis;
  globalThis.global = globalThis;
  globalThis.queueMicrotask = (work) => void Promise.resolve().then(work);
  globalThis.process = Object.defineProperty({}, "env", { enumerable: true, get: () => JSON.parse(host.env()) });
  globalThis.Convex = {
    syscall(operation, args) {
      const answer = host.now(operation, args);
      if ("thrown" in answer) throw failure(answer.thrown);
      return answer.text;
    },
    asyncSyscall(operation, args) {
      return new Promise((resolve, reject) => {
        host.begin(++latest, operation, args);
        pending.set(latest, { resolve, reject });
      });
    },
    jsSyscall(operation) {
      throw new Error("The local deployment does not support the system call " + operation + " (file storage)");
    },
  };
  const describe = (error) => {
    const isError = error instanceof Error;
    const data = isError && Symbol.for("ConvexError") in error && typeof error.data === "string" ? error.data : null;
    host.threw(isError ? String(error.name) : "Error", isError ? String(error.message) : String(error), data);
  };
  const jobs = {
    import({ run }) {
      run();
    },
    async invoke({ exported, args }) {
      pending.clear();
      try {
        host.returned(await (exported.invokeQuery ?? exported.invokeMutation)(args));
      } catch (error) {
        describe(error);
      }
    },
    answers({ answers }) {
      for (const { id, answer } of answers) {
        const waiting = pending.get(id);
        pending.delete(id);
        if (waiting === undefined) continue;
        if ("thrown" in answer) waiting.reject(failure(answer.thrown));
        else waiting.resolve(answer.text);
      }
    },
  };
  Object.defineProperty(globalThis, Symbol.for(${JSON.stringify(ENTER)}), {
    value: () => { const job = host.job(); jobs[job.type](job); },
  });
})`;

const context = vm.createContext(
  { ...GLOBALS },
  { codeGeneration: { strings: false, wasm: true }, microtaskMode: "afterEvaluate" },
);
(vm.runInContext(INSIDE, context) as (given: typeof host) => void)(host);
const enterScript = new vm.Script(`globalThis[Symbol.for(${JSON.stringify(ENTER)})]()`);

/** Goes on with the function, and with everything that becomes ready by it, within what is left of its time. */
function enter(next: Job): void {
  job = next;
  const startedAt = performance.now();
  try {
    enterScript.runInContext(context, { timeout: Math.max(1, Math.ceil(maxOwnMs - ownMs)) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    return end({ type: "outOfTime" });
  }
  sendBegun();
  if (calling && underWay === 0) waitForOthers(startedAt);
  else ownMs += performance.now() - startedAt;
}

/** What Node does for a function in the background, as `crypto.subtle`, wakes nobody: look after it now and then. */
function waitForOthers(since: number): void {
  setTimeout(() => {
    ownMs += performance.now() - since;
    if (ownMs > maxOwnMs) end({ type: "outOfTime" });
    else if (calling) enter({ type: "answers", answers: [] });
  }, 1);
}

const loaded = new Map<string, { exports: Record<string, unknown> }>();

type ModuleFunction = (
  module: { exports: Record<string, unknown> },
  exports: Record<string, unknown>,
  require: (specifier: string) => Record<string, unknown>,
) => void;

function load(path: string, from: string): Record<string, unknown> {
  const known = loaded.get(path);
  if (known !== undefined) return known.exports;
  const code = scripts.get(path);
  if (code === undefined) throw new Error(`${from} imports ${path}, which was not pushed with it.`);
  const module = { exports: {} as Record<string, unknown> };
  loaded.set(path, module);
  const wrapped = `(function (module, exports, require) {${code}\n})`;
  const run = vm.runInContext(wrapped, context, { filename: `convex:/${path}` }) as ModuleFunction;
  job = {
    type: "import",
    run: () => run(module, module.exports, (specifier) => load(resolve(path, specifier), path)),
  };
  // What it imports in turn runs within this one's time, and within its own.
  enterScript.runInContext(context, { timeout: maxOwnMs });
  return module.exports;
}

/** "../_deps/A.js" as "sub/notes.js" means it. */
function resolve(from: string, specifier: string): string {
  return decodeURIComponent(new URL(specifier, `file:///${from}`).pathname.slice(1));
}

function thrownBy(error: unknown): Thrown {
  const { name, message } = (error ?? {}) as Partial<Error>;
  return { name: name ?? "Error", message: message ?? String(error), data: null };
}

interface Registered {
  isPublic?: boolean;
  exportArgs(): string;
  exportReturns(): string;
}

function describeModule(exports: Record<string, unknown>): LoadedModule {
  const functions: ExportedFunction[] = [];
  for (const [name, exported] of Object.entries(exports)) {
    if (typeof exported !== "function") continue;
    const kind = (["isQuery", "isMutation", "isAction"] as const).find((is) => is in exported);
    if (kind === undefined) continue;
    const registered = exported as unknown as Registered;
    functions.push({
      ...{ name, kind, isPublic: registered.isPublic === true },
      ...{ args: registered.exportArgs(), returns: registered.exportReturns() },
    });
  }
  const given = (exports["default"] ?? {}) as { isCrons?: true; isRouter?: true; export?: () => string };
  return {
    functions,
    unsupported: given.isCrons ? "crons" : given.isRouter ? "HTTP routes" : null,
    schema: typeof given.export === "function" && !given.isCrons ? given.export() : null,
  };
}

function loadAll(): void {
  const modules = new Map<string, LoadedModule>();
  for (const path of scripts.keys()) {
    try {
      const exports = load(path, path);
      if (!path.startsWith("_deps/")) modules.set(path, describeModule(exports));
    } catch (error) {
      return send({ type: "unloaded", path, thrown: thrownBy(error) });
    }
  }
  send({ type: "loaded", modules });
}

// A rejection that nobody awaits is the function's own affair.
process.on("unhandledRejection", () => {});
loadAll();
port.on("message", (message: ToWorker) => {
  if (message.type === "answers") {
    underWay -= message.answers.length;
    if (calling) enter(message);
    return;
  }
  ({ env } = message);
  calling = true;
  ownMs = 0;
  enter({ type: "invoke", exported: loaded.get(message.path)?.exports[message.name], args: message.args });
});
