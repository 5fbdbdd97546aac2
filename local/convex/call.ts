import { AsyncLocalStorage } from "node:async_hooks";
import type { JSONValue } from "convex/values";
import type { LogLine } from "./execution-log.js";
import type { Isolate } from "./isolate.js";
import type { RunningQuery } from "./query.js";
import type { Transaction } from "./transaction.js";

export type FunctionKind = "query" | "mutation" | "action";

/** One execution of one function. Functions reach it through the globals that `convex/server` expects. */
export interface Call {
  readonly path: string;
  readonly kind: FunctionKind;
  readonly transaction: Transaction;
  /** Counts what the function uses; null: it may use anything. */
  readonly isolate: Isolate | null;
  /** What the function sees as `process.env`. */
  readonly env: NodeJS.ProcessEnv;
  readonly deploymentName: string;
  readonly requestId: string;
  /** Queries that are being iterated, by the number that the function knows them by. */
  readonly queries: Map<number, RunningQuery>;
  nextQueryId: number;
  /** What it writes with `console`; of nested functions, too. */
  readonly logLines: LogLine[];
  /** Convex allows one `.paginate()` a function. */
  paginated: boolean;
  /** Runs another function inside this transaction (`ctx.runQuery`, `ctx.runMutation`). */
  runNested(kind: "query" | "mutation", path: string, args: JSONValue): Promise<JSONValue>;
  /** The deployment's time, in milliseconds. */
  now(): number;
  /** Throws once the function has used up its time. */
  checkTime(): void;
}

const calls = new AsyncLocalStorage<Call>();

/** The call that is running here, or undefined outside of functions. */
export const currentCall = (): Call | undefined => calls.getStore();

export function withinCall<T>(call: Call, work: () => Promise<T>): Promise<T> {
  installGlobals();
  return calls.run(call, work);
}

/** What functions ask their deployment for. */
export interface Syscalls {
  syscall(operation: string, args: string): string;
  asyncSyscall(operation: string, args: string): Promise<string>;
  jsSyscall(operation: string, args: Record<string, unknown>): unknown;
}

let handlers: ((call: Call) => Syscalls) | null = null;

/** Called once, by the module that implements the system calls. */
export function provideSyscalls(implementation: (call: Call) => Syscalls): void {
  handlers = implementation;
}

const globals = globalThis as unknown as { Convex?: Syscalls };
let installed: Syscalls | null = null;

/**
 * Functions talk to their deployment through a global `Convex`, and read `process.env`. Both depend on the
 * call that asks, so several deployments can run in one process, and outside of calls nothing changes:
 * another implementation of `Convex` (such as convex-test's) and the real environment stay in place.
 */
function installGlobals(): void {
  if (globals.Convex === installed && installed !== null) return;
  const outside = globals.Convex;
  const here = (): Syscalls => {
    const call = currentCall();
    if (call) return handlers!(call);
    if (outside) return outside;
    throw new Error("Convex functions can only run inside of a deployment");
  };
  if (installed === null) replaceEnvironment();
  installed = {
    syscall: (operation, args) => here().syscall(operation, args),
    // A failed system call is always a rejection, never an exception at once.
    asyncSyscall: async (operation, args) => here().asyncSyscall(operation, args),
    jsSyscall: (operation, args) => here().jsSyscall(operation, args),
  };
  globals.Convex = installed;
}

function replaceEnvironment(): void {
  let real = Object.getOwnPropertyDescriptor(process, "env")?.value as NodeJS.ProcessEnv;
  Object.defineProperty(process, "env", {
    configurable: true,
    enumerable: true,
    get: () => currentCall()?.env ?? real,
    set: (replacement: NodeJS.ProcessEnv) => {
      real = replacement;
    },
  });
}
