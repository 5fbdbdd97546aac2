import type { JSONValue } from "convex/values";
import { provideSyscalls, type Call, type Syscalls } from "./call.js";
import { TRANSACTION_LIMITS, type TransactionLimits } from "./limits.js";
import type { QueryJson } from "./index-range.js";
import { readPage, type PageRequest } from "./pagination.js";
import { RunningQuery } from "./query.js";

/**
 * The system calls that `convex/server` makes for `ctx.db`, `ctx.auth`, `ctx.meta` and `ctx.run…`.
 * Arguments and results are JSON in Convex's encoding.
 */
type JsonObject = Record<string, JSONValue>;
interface DocumentArgs {
  id: string;
  table?: string;
  value: JsonObject;
}

/** Results are JSON texts: documents are kept as such, and need not be parsed to be passed on. */
type Operation = (call: Call, args: never) => string | Promise<string>;

const text = (value: JSONValue): string => JSON.stringify(value);

const SYNCHRONOUS: Record<string, (call: Call, args: never) => string> = {
  "1.0/queryStream": (call, { query }: { query: QueryJson }) => {
    const queryId = call.nextQueryId++;
    refuseSystemTable(query);
    call.queries.set(queryId, RunningQuery.start(call.transaction, query));
    return text({ queryId });
  },
  "1.0/queryCleanup": (call, { queryId }: { queryId: number }) => {
    call.queries.delete(queryId);
    return text({});
  },
  "1.0/db/normalizeId": (call, { table, idString }: { table: string; idString: string }) =>
    text({ id: call.transaction.isIdOf(idString, table) ? idString : null }),
};

const ASYNCHRONOUS: Record<string, Operation> = {
  "1.0/get": (call, { id, table }: DocumentArgs) => call.transaction.get("get", id, table)?.json ?? "null",
  "1.0/insert": (call, { table, value }: { table: string; value: JsonObject }) =>
    text({ _id: call.transaction.insert(table, value) }),
  "1.0/replace": (call, { id, table, value }: DocumentArgs) => {
    call.transaction.replace(id, table, value);
    return text({});
  },
  "1.0/shallowMerge": (call, { id, table, value }: DocumentArgs) => {
    call.transaction.patch(id, table, value);
    return text({});
  },
  "1.0/remove": (call, { id, table }: DocumentArgs) => {
    call.transaction.remove(id, table);
    return text({});
  },
  "1.0/queryStreamNext": (call, { queryId }: { queryId: number }) => {
    const document = call.queries.get(queryId)?.next() ?? null;
    return document ? `{"value":${document.json},"done":false}` : `{"value":null,"done":true}`;
  },
  "1.0/queryPage": (call, request: PageRequest) => {
    if (call.paginated) {
      throw new Error(
        "This query or mutation function ran multiple paginated queries. Convex only supports a single " +
          "paginated query in each function.",
      );
    }
    call.paginated = true;
    refuseSystemTable(request.query);
    const { documents, ...page } = readPage(call.transaction, request);
    const rest = text({ ...page, splitCursor: null });
    return `{"page":[${documents.map((document) => document.json).join()}],${rest.slice(1)}`;
  },
  "1.0/getUserIdentity": () => "null",
  "1.0/getTransactionMetrics": (call) => text(transactionMetrics(call.transaction.used)),
  "1.0/getFunctionMetadata": (call) => text({ name: call.path, componentPath: "" }),
  "1.0/getDeploymentMetadata": (call) => text({ name: call.deploymentName, region: null, class: "s16" }),
  "1.0/getRequestMetadata": (call) =>
    text({
      ip: null,
      userAgent: null,
      requestId: call.requestId,
      scheduledFunctionId: null,
      authToken: null,
    }),
  "1.0/runUdf": async (
    call,
    { udfType, name, args }: { udfType: "query" | "mutation"; name?: string; args: JSONValue },
  ) => {
    if (name === undefined) throw unsupported("a component's functions or function handles");
    if (udfType !== "query" && udfType !== "mutation")
      throw unsupported(`ctx.run… of a ${udfType as string}`);
    return text(await call.runNested(udfType, name, args));
  },
};

const METRICS_NOT_USED_HERE = [
  "functionsScheduled",
  "scheduledFunctionArgsBytes",
  "filesWritten",
  "fileWriteBytes",
  "filesRead",
  "fileReadBytes",
];

function transactionMetrics(used: TransactionLimits): JsonObject {
  const metrics: JsonObject = {};
  for (const [name, limit] of Object.entries(TRANSACTION_LIMITS) as [keyof TransactionLimits, number][]) {
    metrics[name] = { used: used[name], remaining: Math.max(0, limit - used[name]) };
  }
  for (const name of METRICS_NOT_USED_HERE) metrics[name] = { used: 0, remaining: 0 };
  return metrics;
}

function refuseSystemTable({ source }: QueryJson): void {
  const name = source.type === "FullTableScan" ? source.tableName : source.indexName;
  if (name.startsWith("_")) throw unsupported(`system tables (${name.split(".")[0]})`);
}

const unsupported = (what: string): Error => new Error(`The local deployment does not support ${what}`);

export const syscallsOf = (call: Call): Syscalls => ({
  syscall(operation, args) {
    call.checkTime();
    const perform = SYNCHRONOUS[operation];
    if (perform === undefined) throw unsupported(`the system call ${operation}`);
    const answer = () => perform(call, JSON.parse(args) as never);
    return call.isolate === null ? answer() : call.isolate.call(args, answer);
  },
  async asyncSyscall(operation, args) {
    call.checkTime();
    const perform = ASYNCHRONOUS[operation];
    if (perform === undefined) throw unsupported(`the system call ${operation}`);
    const answer = () => perform(call, JSON.parse(args) as never);
    return call.isolate === null ? answer() : call.isolate.callAsync(operation, args, answer);
  },
  jsSyscall(operation) {
    throw unsupported(`the system call ${operation} (file storage)`);
  },
});

provideSyscalls(syscallsOf);
