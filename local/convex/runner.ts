import type { JSONValue, Value } from "convex/values";
import type { Clock } from "../../src/model/clock.js";
import { withinCall, type Call, type FunctionKind } from "./call.js";
import { actionsUnsupported, CallRefused, ConflictError, outOfTime, type FunctionFailed } from "./errors.js";
import { decodeValue } from "./decode.js";
import type { LogLine } from "./execution-log.js";
import type { FaultPoint } from "./faults.js";
import type { DeployedFunction } from "./functions.js";
import { CONFLICT_BACKOFF, CONFLICT_RETRIES } from "./limits.js";
import { convexErrorData, messageOf } from "./failure.js";
import { Isolate, type IsolateOptions } from "./isolate.js";
import type { PlanGate } from "./plan.js";
import type { ReadRange, Store } from "./store.js";
import { Transaction } from "./transaction.js";
import type { UsageMeter } from "./usage.js";
import { describeMismatch, type Validator } from "./validators.js";
import { checkArguments, checkResult } from "./value-limits.js";
import "./syscalls.js";

/** Called at the boundaries of a call; may delay, or throw to inject a fault. */
export type AtPoint = (point: FaultPoint, attempt?: number) => Promise<void>;

export interface ExecutionOptions {
  requestId: string;
  /** Turns what a function threw into what its caller may see. */
  failure: (thrown: unknown) => FunctionFailed;
  atPoint?: AtPoint;
  /** Takes what the function logs. Of an attempt that is made again, too. */
  logLines: LogLine[];
  /** System functions are not billed. */
  metered: boolean;
}

export interface Execution {
  /** In Convex's JSON encoding. */
  value: JSONValue;
  /** The same as JSON text. */
  text: string;
  /** What a query has read: a later commit into it makes the value stale. */
  reads: readonly ReadRange[];
}

type Result = Pick<Execution, "value" | "text">;

/** Finds a function for `ctx.runQuery` and `ctx.runMutation`; throws when there is none of this kind. */
export type FindFunction = (path: string, kind: FunctionKind) => DeployedFunction;

export interface RunnerOptions {
  store: Store;
  meter: UsageMeter;
  clock: Clock;
  plan: PlanGate | null;
  env: () => NodeJS.ProcessEnv;
  deploymentName: string;
  /** How long a function may run by the clock; null: any time. */
  userTimeoutMs: number | null;
  /** What a function may use by the model of isolate.ts; null: anything. */
  isolate: IsolateOptions | null;
  validators(): ReadonlyMap<string, Validator>;
  find: FindFunction;
}

/** Runs functions as transactions: each attempt on a fresh snapshot, again after a conflict. */
export class Runner {
  constructor(private readonly options: RunnerOptions) {}

  /** Throws {@link FunctionFailed} or {@link CallRefused}. `args` is in Convex's JSON encoding. */
  async execute(deployed: DeployedFunction, args: JSONValue, options: ExecutionOptions): Promise<Execution> {
    if (deployed.kind === "action") throw options.failure(actionsUnsupported());
    if (deployed.kind === "query") return this.#attempt(deployed, args, options, 1);
    const leave = await this.options.plan?.enter();
    try {
      return await this.#retrying(deployed, args, options);
    } finally {
      leave?.();
    }
  }

  async #retrying(
    deployed: DeployedFunction,
    args: JSONValue,
    options: ExecutionOptions,
  ): Promise<Execution> {
    for (let attempt = 1; ; attempt++) {
      const refusal = this.options.plan?.throughputRefusal();
      if (refusal) {
        if (attempt > CONFLICT_RETRIES) throw refusal;
      } else {
        try {
          return await this.#attempt(deployed, args, options, attempt);
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error;
          this.options.meter.countConflict();
          if (attempt > CONFLICT_RETRIES) throw lostEveryRetry(error);
        }
      }
      const backoffMs = Math.min(CONFLICT_BACKOFF.initialMs * 2 ** (attempt - 1), CONFLICT_BACKOFF.maxMs);
      await this.options.clock.sleep(backoffMs * this.options.clock.random());
    }
  }

  async #attempt(deployed: DeployedFunction, args: JSONValue, options: ExecutionOptions, attempt: number) {
    const { store, meter, plan } = this.options;
    const writes = deployed.kind === "mutation";
    const transaction = new Transaction(store, writes ? this.options.validators() : null);
    try {
      const call = this.#createCall(deployed, transaction, options);
      let result: Result;
      try {
        result = await invoke(deployed, args, call);
      } catch (thrown) {
        // Whatever the function made of it: it can't catch its end.
        const ended = call.isolate?.ended;
        throw ended instanceof CallRefused ? ended : options.failure(ended ?? thrown);
      }
      if (writes) {
        await options.atPoint?.("beforeCommit", attempt);
        const bytes = transaction.bytesToLog;
        transaction.commit();
        plan?.noteWritten(bytes);
        await options.atPoint?.("afterCommit", attempt);
      }
      return { ...result, reads: transaction.reads };
    } finally {
      transaction.close();
      if (options.metered) {
        meter.add(transaction.usage);
        meter.noteLargest(transaction.used);
      }
    }
  }

  #createCall(
    deployed: DeployedFunction,
    transaction: Transaction,
    { requestId, logLines }: ExecutionOptions,
  ): Call {
    const { clock, env, deploymentName, userTimeoutMs, isolate } = this.options;
    const startedAt = clock.now();
    const call: Call = {
      path: deployed.path,
      kind: deployed.kind,
      transaction,
      isolate: isolate && new Isolate(isolate),
      env: env(),
      deploymentName,
      requestId,
      logLines,
      queries: new Map(),
      nextQueryId: 0,
      paginated: false,
      now: () => clock.now(),
      checkTime: () => {
        if (userTimeoutMs !== null && clock.now() - startedAt > userTimeoutMs) {
          throw outOfTime(userTimeoutMs);
        }
      },
      runNested: async (kind, path, args) => {
        if (kind === "mutation" && deployed.kind === "query") throw new Error("Queries cannot run mutations");
        const nested = this.options.find(path, kind);
        const undo = transaction.savepoint();
        try {
          const { value } = await invoke(nested, args, {
            ...call,
            path: nested.path,
            kind,
            queries: new Map(),
            paginated: false,
          });
          return value;
        } catch (thrown) {
          undo();
          const data = convexErrorData(thrown);
          throw data === undefined ? thrown : Object.assign(new Error(messageOf(thrown)), { data });
        }
      },
    };
    return call;
  }
}

const lostEveryRetry = (conflict: ConflictError): CallRefused =>
  new CallRefused(
    503,
    "OptimisticConcurrencyControlFailure",
    `${conflict.message}, and so they did at every retry.`,
  );

/** Checks arguments, runs the function inside of its call, checks the result. */
async function invoke(deployed: DeployedFunction, args: JSONValue, call: Call): Promise<Result> {
  const decoded = decodeArguments(args);
  checkArguments(deployed.path, decoded);
  const mismatch = deployed.validateArgs(decoded, "");
  if (mismatch) throw new Error(`ArgumentValidationError: ${describeMismatch(mismatch)}`);
  const argsText = JSON.stringify([args]);
  call.isolate?.hold(argsText);
  const text = await withinCall(call, () => deployed.invoke(argsText));
  call.isolate?.hold(text);
  call.checkTime();
  const value = JSON.parse(text) as JSONValue;
  const result = decodeValue(value);
  checkResult(deployed.path, result);
  const wrong = deployed.validateResult?.(result, "");
  if (wrong) throw new Error(`ReturnsValidationError: ${describeMismatch(wrong)}`);
  return { value, text };
}

function decodeArguments(args: JSONValue): Value {
  const value = decodeValue(args);
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof ArrayBuffer) {
    throw new Error("The arguments of a Convex function must be an object");
  }
  return value;
}
