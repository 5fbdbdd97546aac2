import { posix } from "node:path";
import vm from "node:vm";
import { transform } from "esbuild";
import { currentCall } from "../call.js";
import { DeployRefused } from "../errors.js";
import { logLine, type LogLine } from "../execution-log.js";
import type { Modules } from "../functions.js";

/** A module as the CLI bundles it: JavaScript, which imports nothing but what is pushed with it. */
export interface PushedModule {
  /** Below the folder of functions: "datahubSync.js", "_deps/ABC.js". */
  path: string;
  source: string;
  environment: "isolate" | "node";
}

/** A module's top level runs this long at most, in milliseconds. Convex gives it a second, as it gives a function. */
const MAX_IMPORT_MS = 1_000;

/** What Convex's runtime has beside JavaScript itself, as far as queries and mutations may use it. */
const GLOBALS = {
  ...{ atob, btoa, structuredClone, crypto, queueMicrotask },
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

/** Goes to the log of the function that is running; what a module writes as it is imported, nobody reads. */
function write(level: LogLine["level"]): (...values: unknown[]) => void {
  return (...values) => {
    const call = currentCall();
    call?.logLines.push(logLine(level, values, call.now()));
  };
}

function onlyInActions(name: string): () => never {
  return () => {
    throw new Error(`Can't use ${name} in queries and mutations. Please consider using an action.`);
  };
}

/**
 * Runs pushed modules in a context of their own, which has Convex's globals and none of Node's.
 * @param env what module code sees as `process.env` while nobody calls it
 * @throws DeployRefused where a module fails as it is imported
 */
export async function evaluateModules(
  pushed: readonly PushedModule[],
  env: () => Readonly<Record<string, string>>,
): Promise<Modules> {
  const scripts = new Map<string, vm.Script>();
  for (const { path, source, environment } of pushed) {
    if (environment === "node") {
      throw new DeployRefused(
        `${path} is for Node.js ("use node"), which the local deployment does not run.`,
      );
    }
    scripts.set(path, await compile(path, source));
  }
  const context = createContext(env);
  const loaded = new Map<string, { exports: Record<string, unknown> }>();
  const load = (path: string, from: string): Record<string, unknown> => {
    const known = loaded.get(path);
    if (known !== undefined) return known.exports;
    const script = scripts.get(path);
    if (script === undefined)
      throw new DeployRefused(`${from} imports ${path}, which was not pushed with it.`);
    const module = { exports: {} as Record<string, unknown> };
    loaded.set(path, module);
    const run = script.runInContext(context, { timeout: MAX_IMPORT_MS }) as ModuleFunction;
    run(module, module.exports, (specifier) => load(posix.join(posix.dirname(path), specifier), path));
    return module.exports;
  };
  const modules: Modules = {};
  for (const { path } of pushed) {
    try {
      const exports = load(path, path);
      if (!path.startsWith("_deps/")) modules[path.replace(/\.js$/, "")] = exports;
    } catch (error) {
      if (error instanceof DeployRefused) throw error;
      throw new DeployRefused(`Failed to analyze ${path}: ${describe(error)}`);
    }
  }
  return modules;
}

type ModuleFunction = (
  module: { exports: Record<string, unknown> },
  exports: Record<string, unknown>,
  require: (specifier: string) => Record<string, unknown>,
) => void;

async function compile(path: string, source: string): Promise<vm.Script> {
  try {
    const { code } = await transform(source, { format: "cjs", target: "esnext", sourcefile: path });
    return new vm.Script(`(function (module, exports, require) {${code}\n})`, {
      filename: `convex:/${path}`,
    });
  } catch (error) {
    throw new DeployRefused(`${path} is no module: ${describe(error)}`);
  }
}

function createContext(env: () => Readonly<Record<string, string>>): vm.Context {
  const host = globalThis as unknown as { Convex?: Record<string, (...args: unknown[]) => unknown> };
  const forward =
    (name: string) =>
    (...args: unknown[]) => {
      const method = host.Convex?.[name];
      if (method === undefined || currentCall() === undefined) {
        throw new Error("Convex functions can only talk to their deployment while they are called.");
      }
      return method(...args);
    };
  const process = {};
  Object.defineProperty(process, "env", { enumerable: true, get: () => currentCall()?.env ?? env() });
  const Convex = {
    syscall: forward("syscall"),
    asyncSyscall: forward("asyncSyscall"),
    jsSyscall: forward("jsSyscall"),
  };
  const context = vm.createContext(
    { ...GLOBALS, Convex, process },
    { codeGeneration: { strings: false, wasm: true } },
  );
  vm.runInContext("globalThis.self = globalThis; globalThis.global = globalThis", context);
  return context;
}

/** Errors of a context are no instances of ours. */
function describe(error: unknown): string {
  const { name, message } = (error ?? {}) as Partial<Error>;
  return message === undefined ? String(error) : `${name ?? "Error"}: ${message}`;
}
