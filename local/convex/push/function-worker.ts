import { inspect } from "node:util";
import vm from "node:vm";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { isolate, type Host } from "./worker-context.js";
import type {
  Answer,
  ExportedFunction,
  FromWorker,
  Job,
  LoadedModule,
  SystemCall,
  Thrown,
  ToWorker,
  WorkerInput,
} from "./worker-protocol.js";

/*
 * What runs in a thread of its own: pushed modules, and one function of them at a time. function-thread.ts bundles it with what it
 * imports, from TypeScript or as it was built, and starts it from that text.
 */
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

const host: Host = {
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
  // What a module writes as it is imported, nobody reads.
  log(level, values) {
    if (calling) send({ type: "log", level, messages: values.map((value) => inspect(value)) });
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

const isolated = isolate(host);

/** Goes on with the function, and with everything that becomes ready by it, within what is left of its time. */
function enter(next: Job): void {
  job = next;
  const startedAt = performance.now();
  try {
    isolated.enter(maxOwnMs - ownMs);
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
  const run = vm.runInContext(wrapped, isolated.context, { filename: `convex:/${path}` }) as ModuleFunction;
  job = {
    type: "import",
    run: () => run(module, module.exports, (specifier) => load(resolve(path, specifier), path)),
  };
  // What it imports in turn runs within this one's time, and within its own.
  isolated.enter(maxOwnMs);
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
