import type { MessagePort } from "node:worker_threads";

/** What a thread of pushed functions is given as it starts. */
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
  | { type: "log"; level: LogLevel; messages: string[] }
  | { type: "returned"; text: string }
  | { type: "threw"; thrown: Thrown }
  | { type: "outOfTime" };

export type Answer = { text: string } | { thrown: Thrown };

export type ToWorker =
  | { type: "invoke"; path: string; name: string; args: string; env: Readonly<Record<string, string>> }
  | { type: "answers"; answers: { id: number; answer: Answer }[] };

/** What is entered next, inside of the context: see worker-context.ts. */
export type Job =
  | { type: "import"; run: () => void }
  | { type: "invoke"; exported: unknown; args: string }
  | { type: "answers"; answers: { id: number; answer: Answer }[] };

export type LogLevel = "LOG" | "INFO" | "DEBUG" | "WARN" | "ERROR";
