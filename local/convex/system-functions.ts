import { paginationOptsValidator, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { currentCall } from "./call.js";
import { describeFunction, type DeployedFunction, type Modules } from "./functions.js";
import { MAX_ARRAY_ITEMS } from "./limits.js";

/**
 * What one page reads at most. Convex's own function says 10,000 rows
 * (npm-packages/system-udfs/convex/_system/paginationLimits.ts), of which small documents make an array that
 * is too long; and it refuses `--limit` from 32,000 on, where this one goes on page by page.
 */
const MAX_PAGE = { rows: MAX_ARRAY_ITEMS, maximumBytesRead: 5_000_000 };

/** The deployment's own functions, which the Convex CLI calls with the admin key. */
export function systemModules(functions: () => Iterable<DeployedFunction>): Modules {
  return {
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
              numItems: Math.min(paginationOpts.numItems, MAX_PAGE.rows),
              maximumBytesRead: MAX_PAGE.maximumBytesRead,
            }),
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
