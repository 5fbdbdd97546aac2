import { paginationOptsValidator, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { currentCall } from "./call.js";
import type { Exchange } from "./exchange/exchange.js";
import { describeFunction, type DeployedFunction, type Modules } from "./functions.js";
import { SYSTEM_PAGE } from "./limits.js";

/** The deployment's own functions, which the Convex CLI calls with the admin key. */
export function systemModules({
  functions,
  env,
  sizeOf,
  exchange,
}: {
  functions: () => Iterable<DeployedFunction>;
  env: () => Readonly<Record<string, string>>;
  sizeOf: (table: string) => number;
  exchange: Exchange;
}): Modules {
  const variables = () => Object.entries(env()).map(([name, value]) => ({ name, value }));
  return {
    "_system/cli/queryEnvironmentVariables": {
      default: queryGeneric({ args: {}, handler: variables }),
      get: queryGeneric({
        args: { name: v.string() },
        handler: (_, { name }) => variables().find((variable) => variable.name === name) ?? null,
      }),
    },
    "_system/cli/tables": {
      default: queryGeneric({
        args: { paginationOpts: paginationOptsValidator },
        handler: () => ({
          page: currentCall()!
            .transaction.tableNames()
            .map((name) => ({ name })),
          isDone: true,
          continueCursor: "end",
        }),
      }),
    },
    // Asked before an index of a large table is removed.
    "_system/cli/tableSize": {
      default: queryGeneric({
        args: { tableName: v.string(), componentId: v.optional(v.union(v.string(), v.null())) },
        handler: (_, { tableName }) => sizeOf(tableName),
      }),
    },
    "_system/cli/tableData": {
      default: queryGeneric({
        args: {
          table: v.string(),
          order: v.union(v.literal("asc"), v.literal("desc")),
          paginationOpts: paginationOptsValidator,
        },
        handler: ({ db }, { table, order, paginationOpts }) =>
          db
            .query(table)
            .order(order)
            .paginate({
              ...paginationOpts,
              numItems: Math.min(paginationOpts.numItems, SYSTEM_PAGE.rows),
              maximumBytesRead: SYSTEM_PAGE.maximumBytesRead,
            }),
      }),
    },
    "_system/cli/queryImport": {
      // None goes on behind a request's back.
      list: queryGeneric({ args: {}, handler: () => [] }),
      default: queryGeneric({
        args: { importId: v.string() },
        handler: (_, { importId }) => ({ state: exchange.importState(importId) }),
      }),
    },
    "_system/cli/exports": {
      getLatest: queryGeneric({
        args: {},
        handler: () => {
          const at = exchange.latestExportAt();
          return at === null ? null : { state: "completed", start_ts: at, complete_ts: at };
        },
      }),
    },
    "_system/cli/modules": {
      apiSpec: queryGeneric({
        args: { componentId: v.optional(v.union(v.string(), v.null())) },
        handler: () => [...functions()].map(describeFunction),
      }),
    },
  };
}
