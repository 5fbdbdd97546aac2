import { convexToJson, jsonToConvex, ConvexError, type JSONValue, type Value } from "convex/values";
import { systemClock, type Clock } from "../../src/model/clock.js";
import type { FunctionKind } from "./call.js";
import { checkDocuments, compareIndexes, deployTables, type Deployed } from "./deploy.js";
import { exportState, importState, type DeploymentState } from "./backup.js";
import { toFields, type DocumentValue } from "./document.js";
import { FunctionFailed } from "./errors.js";
import { Exchange } from "./exchange/exchange.js";
import { ExecutionLog, type LogLine } from "./execution-log.js";
import { describeFailure, messageOf } from "./failure.js";
import type { Faults } from "./faults.js";
import {
  canonicalPath,
  findFunction,
  readFunctions,
  type DeployedFunction,
  type Modules,
} from "./functions.js";
import { PlanGate, type Throughput } from "./plan.js";
import { internalIdSource } from "./random.js";
import type { CallOptions, LocalDeploymentOptions } from "./options.js";
import { Runner, type Execution } from "./runner.js";
import type { AnySchema } from "./schema.js";
import { Store, type CommitListener } from "./store.js";
import { systemModules } from "./system-functions.js";
import { Transaction } from "./transaction.js";
import { UsageMeter, type Usage } from "./usage.js";

export type { CallOptions, LocalDeploymentOptions } from "./options.js";

/** A Convex deployment in memory: see README.md for what it is faithful to. */
export class LocalDeployment {
  readonly adminKey: string;
  readonly name: string;
  readonly clock: Clock;
  /** What was run, for `npx convex logs`. */
  readonly executions = new ExecutionLog();
  /** Files of `npx convex import` and `export`. */
  readonly exchange: Exchange;
  readonly faults: Faults | null;
  readonly #redact: boolean;
  readonly #store: Store;
  readonly #meter = new UsageMeter();
  readonly #runner: Runner;
  readonly #plan: PlanGate | null;
  readonly #system: Map<string, DeployedFunction>;
  #deployed: Deployed;
  #env: Readonly<Record<string, string>>;

  private constructor(options: LocalDeploymentOptions) {
    this.clock = options.clock ?? systemClock;
    this.name = options.name ?? "local-datahub-sync";
    this.adminKey = options.adminKey ?? `${this.name}|${this.clock.uuid().replaceAll("-", "")}`;
    this.faults = options.faults ?? null;
    this.#redact = options.redact ?? true;
    this.#store = new Store(internalIdSource(options.seed), () => this.clock.now());
    this.#env = Object.freeze({ ...options.env });
    this.#deployed = deployTables(this.#store, options);
    this.exchange = new Exchange(this.#store, this.clock, () => this.#deployed);
    this.#system = readFunctions(
      systemModules({
        functions: () => this.#deployed.functions.values(),
        env: () => this.#env,
        sizeOf: (table) => this.tableSize(table),
        exchange: this.exchange,
      }),
      () => false,
    );
    this.#plan = options.plan ? new PlanGate(options.plan, this.clock) : null;
    this.#runner = new Runner({
      store: this.#store,
      meter: this.#meter,
      clock: this.clock,
      plan: this.#plan,
      env: () => this.#env,
      deploymentName: this.name,
      userTimeoutMs: options.userTimeoutMs ?? null,
      isolate: options.isolate ?? null,
      validators: () => this.#deployed.validators,
      find: (path, kind) => findFunction(this.#deployed.functions, path, kind, true),
    });
  }

  static create(options: LocalDeploymentOptions): LocalDeployment {
    return new LocalDeployment(options);
  }

  /**
   * Replaces functions and schema. Throws DeployRefused, and then changes nothing, when existing documents
   * do not match the new schema. Mutations under way run again on the new functions' data.
   */
  deploy(options: { schema: AnySchema; modules: Modules }): void {
    this.#deployed = deployTables(this.#store, options);
  }

  /**
   * What a deploy would put in place, documents aside.
   * @throws DeployRefused
   */
  check({ schema, modules }: { schema: AnySchema; modules: Modules }) {
    const functions = readFunctions(modules, (id, table) => this.#store.isIdOf(id, table));
    return { functions, indexes: compareIndexes(this.#store, schema) };
  }

  /** Throws DeployRefused where existing documents do not match a schema. */
  checkDocuments(schema: AnySchema): void {
    checkDocuments(this.#store, schema);
  }

  /** What functions see as `process.env`. */
  get env(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /** From the next call on. @param value null removes the variable */
  setEnv(name: string, value: string | null): void {
    const { [name]: _, ...others } = this.#env;
    this.#env = Object.freeze(value === null ? others : { ...others, [name]: value });
  }

  async runQuery(path: string, args: Record<string, Value> = {}, options: CallOptions = {}): Promise<Value> {
    return this.#runForValue("query", path, args, options);
  }

  async runMutation(
    path: string,
    args: Record<string, Value> = {},
    options: CallOptions = {},
  ): Promise<Value> {
    return this.#runForValue("mutation", path, args, options);
  }

  /**
   * Runs a function as a client's call: `args` and the result are in Convex's JSON encoding. "any" runs
   * whatever kind it is. Throws FunctionFailed or CallRefused.
   */
  async call(
    kind: FunctionKind | "any",
    path: string,
    args: JSONValue,
    { admin = false, requestId = this.newRequestId(), atPoint }: CallOptions = {},
  ): Promise<Execution> {
    const system = admin ? this.#system.get(canonicalPath(path)) : undefined;
    const failure = (thrown: unknown) => describeFailure(thrown, requestId, this.#redact);
    const logLines: LogLine[] = [];
    const options = {
      requestId,
      failure,
      logLines,
      metered: system === undefined,
      ...(atPoint && { atPoint }),
    };
    if (system) return this.#runner.execute(system, args, options);
    const startedAt = this.clock.now();
    const log = (error: string | null) =>
      this.executions.add({
        path: canonicalPath(path),
        kind: kind === "any" ? (this.#deployed.functions.get(canonicalPath(path))?.kind ?? "query") : kind,
        ...{ requestId, logLines, error, startedAt, endedAt: this.clock.now() },
      });
    try {
      let deployed: DeployedFunction;
      try {
        deployed = findFunction(this.#deployed.functions, path, kind, admin);
      } catch (error) {
        this.#meter.countCall(kind === "any" ? "query" : kind);
        throw failure(error);
      }
      this.#meter.countCall(deployed.kind);
      const execution = await this.#runner.execute(deployed, args, options);
      log(null);
      return execution;
    } catch (error) {
      this.#meter.countFailure();
      log(messageOf(error));
      throw error;
    }
  }

  /** As the meter stands: what Convex would bill. System functions are not counted. */
  usage(): Usage {
    return this.#meter.read();
  }

  /** Starts counting from zero; returns what had been counted. */
  resetUsage(): Usage {
    return this.#meter.reset();
  }

  /** How near writes have come to the plan; null without one. */
  throughput(): Throughput | null {
    return this.#plan?.throughput ?? null;
  }

  /** Calls `listener` after every commit, until the returned function is called. */
  onCommit(listener: CommitListener): () => void {
    return this.#store.onCommit(listener);
  }

  /** Rises with every commit. */
  get version(): number {
    return this.#store.version;
  }

  // By hand, as on the dashboard. None of this is metered.

  insert(table: string, value: DocumentValue): string {
    return this.#edit((transaction) => transaction.insert(table, toFields(value)));
  }

  /** Fields given as undefined are removed. */
  patch(id: string, value: Record<string, Value | undefined>): void {
    const missing: JSONValue = { $undefined: null };
    const fields = Object.fromEntries(
      Object.entries(value).map(([name, field]) => [
        name,
        field === undefined ? missing : convexToJson(field),
      ]),
    );
    this.#edit((transaction) => transaction.patch(id, undefined, fields));
  }

  replace(id: string, value: DocumentValue): void {
    this.#edit((transaction) => transaction.replace(id, undefined, toFields(value)));
  }

  remove(id: string): void {
    this.#edit((transaction) => transaction.remove(id, undefined));
  }

  /** Deletes all documents of a table, at once and without limits. */
  clearTable(table: string): void {
    const documents = [...(this.#store.tables.get(table)?.documents() ?? [])];
    this.#store.apply(documents.map((before) => ({ before, after: undefined })));
  }

  tableNames(): string[] {
    return [...this.#store.tables.keys()];
  }

  tableSize(table: string): number {
    return this.#store.tables.get(table)?.size ?? 0;
  }

  /** The table as it is now, in the order of creation. */
  *tableDocuments(table: string): IterableIterator<DocumentValue & { _id: string; _creationTime: number }> {
    const snapshot = this.#store.tables.get(table)?.clone();
    for (const document of snapshot?.documents() ?? []) {
      yield document.value() as DocumentValue & { _id: string; _creationTime: number };
    }
  }

  get(id: string): DocumentValue | null {
    const table = this.#store.tableOfId(id);
    return (table !== null && this.#store.tables.get(table)?.get(id)?.value()) || null;
  }

  /** A copy of all documents, for {@link import}: a backup. */
  export(): DeploymentState {
    return exportState(this.#store);
  }

  /** Goes back to an exported state, ids and creation times included: a restored backup. */
  import(state: DeploymentState): void {
    importState(this.#store, state);
  }

  newRequestId(): string {
    return this.clock.uuid().replaceAll("-", "").slice(0, 16);
  }

  #edit<T>(change: (transaction: Transaction) => T): T {
    const transaction = new Transaction(this.#store, this.#deployed.validators);
    try {
      const result = change(transaction);
      transaction.commit();
      return result;
    } finally {
      transaction.close();
    }
  }

  async #runForValue(
    kind: FunctionKind,
    path: string,
    args: Record<string, Value>,
    options: CallOptions,
  ): Promise<Value> {
    try {
      return jsonToConvex((await this.call(kind, path, convexToJson(args), options)).value);
    } catch (error) {
      if (error instanceof FunctionFailed && error.data !== undefined) {
        throw Object.assign(new ConvexError(error.message), { data: jsonToConvex(error.data) });
      }
      throw error;
    }
  }
}
