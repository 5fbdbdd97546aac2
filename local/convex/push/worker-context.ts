import vm from "node:vm";
import type { Answer, Job, LogLevel } from "./worker-protocol.js";

/** What the context's own code calls. What crosses is text: objects of two contexts should not meet. */
export interface Host {
  /** What is entered for. */
  job(): Job | null;
  /** As JSON. */
  env(): string;
  begin(id: number, operation: string, args: string): void;
  now(operation: string, args: string): Answer;
  returned(text: string): void;
  threw(name: string, message: string, data: string | null): void;
  log(level: LogLevel, values: readonly unknown[]): void;
}

/** A context for pushed modules: Convex's globals, and none of Node's. */
export interface Isolated {
  context: vm.Context;
  /** Does the host's job, and all that becomes ready by it. Throws where that takes longer, in milliseconds. */
  enter(timeoutMs: number): void;
}

const onlyInActions = (name: string) => () => {
  throw new Error(`Can't use ${name} in queries and mutations. Please consider using an action.`);
};

/** What Convex's runtime has beside JavaScript itself, as far as queries and mutations may use it. */
const globalsOf = (write: (level: LogLevel) => (...values: unknown[]) => void) => ({
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
});

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

export function isolate(host: Host): Isolated {
  const context = vm.createContext(
    globalsOf(
      (level) =>
        (...values) =>
          host.log(level, values),
    ),
    { codeGeneration: { strings: false, wasm: true }, microtaskMode: "afterEvaluate" },
  );
  (vm.runInContext(INSIDE, context) as (given: Host) => void)(host);
  const script = new vm.Script(`globalThis[Symbol.for(${JSON.stringify(ENTER)})]()`);
  return {
    context,
    enter: (timeoutMs) => {
      script.runInContext(context, { timeout: Math.max(1, Math.ceil(timeoutMs)) });
    },
  };
}
