import type { FunctionKind } from "./call.js";

/** What a function wrote with `console`, as Convex's CLI reads it. */
export interface LogLine {
  messages: string[];
  level: "LOG" | "DEBUG" | "INFO" | "WARN" | "ERROR";
  /** Milliseconds. */
  timestamp: number;
  isTruncated: boolean;
}

/** One execution that has ended. */
export interface LoggedExecution {
  path: string;
  kind: FunctionKind;
  requestId: string;
  logLines: LogLine[];
  /** What its caller was told; null where it succeeded. */
  error: string | null;
  /** Milliseconds. */
  startedAt: number;
  endedAt: number;
}

/** Executions that are kept: a first load of the demo makes some 300. */
const KEPT = 1_000;

/** The latest executions, each under a number that is above those before it and near its time in milliseconds. */
export class ExecutionLog {
  readonly #entries: { cursor: number; execution: LoggedExecution }[] = [];
  #latest = 0;
  #woken: (() => void)[] = [];

  add(execution: LoggedExecution): void {
    this.#latest = Math.max(this.#latest + 1, execution.endedAt);
    this.#entries.push({ cursor: this.#latest, execution });
    if (this.#entries.length > KEPT) this.#entries.shift();
    const woken = this.#woken;
    this.#woken = [];
    for (const wake of woken) wake();
  }

  /** Those behind a cursor, and the cursor behind them. */
  since(cursor: number): { executions: LoggedExecution[]; cursor: number } {
    const later = this.#entries.filter((entry) => entry.cursor > cursor);
    return { executions: later.map(({ execution }) => execution), cursor: later.at(-1)?.cursor ?? cursor };
  }

  /** Resolves when there is another one. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#woken.push(resolve));
  }
}

const UDF_TYPES: Record<FunctionKind, string> = { query: "Query", mutation: "Mutation", action: "Action" };

/** As `GET /api/stream_function_logs` answers it; times in seconds. */
export function printExecution({
  path,
  kind,
  requestId,
  logLines,
  error,
  startedAt,
  endedAt,
}: LoggedExecution): object {
  return {
    kind: "Completion",
    udfType: UDF_TYPES[kind],
    identifier: path,
    logLines,
    timestamp: endedAt / 1000,
    executionTimestamp: startedAt / 1000,
    executionTime: (endedAt - startedAt) / 1000,
    cachedResult: false,
    caller: "SyncWebsocket",
    environment: "isolate",
    identityType: "unknown",
    requestId,
    executionId: requestId,
    success: error === null ? {} : null,
    error,
    willRetry: false,
    usageStats: {},
  };
}
