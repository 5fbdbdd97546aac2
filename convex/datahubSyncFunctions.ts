import {
  mutationGeneric,
  queryGeneric,
  type GenericSchema,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v } from "convex/values";
import { requireSyncKey } from "./datahubSyncAuth.js";
import { applyBatch } from "./datahubSyncBatch.js";
import { refusal } from "./datahubSyncErrors.js";
import { handshake } from "./datahubSyncHandshake.js";
import type { MirrorDataModel } from "./datahubSyncLedger.js";
import { requireDistinctNumbers } from "./datahubSyncMirrorNumber.js";
import { listDocuments, listLedger, listMissing, lookupKeys } from "./datahubSyncPages.js";
import {
  documentPage,
  ledgerPage,
  listDocumentsFields,
  listLedgerFields,
  listMissingFields,
  lookupKeysFields,
  lookupResult,
  missingPage,
} from "./datahubSyncPageProtocol.js";
import {
  batchFields,
  batchResult,
  beginRunsFields,
  finishRunsFields,
  handshakeFields,
  handshakeResult,
  rotateFenceFields,
  runResult,
} from "./datahubSyncProtocol.js";
import type { TableDefinition } from "./datahubSyncRefusal.js";
import { beginRun, finishRun, forEachMirror, rotateFence } from "./datahubSyncRuns.js";

const query: QueryBuilder<MirrorDataModel, "public"> = queryGeneric;
const mutation: MutationBuilder<MirrorDataModel, "public"> = mutationGeneric;

/** Every function takes it, and looks at nothing else before it has been found right. */
const syncKey = v.string();

export interface DatahubSyncOptions {
  /** The mirrored tables, as the schema defines them, by name. Nothing else can be read or written. */
  tables: GenericSchema;
}

/**
 * The functions that the command line calls. Export all of them from `convex/datahubSync.ts`:
 *
 * ```ts
 * export const {
 *   handshake, beginRuns, rotateFence, applyBatch, finishRuns,
 *   listLedger, listDocuments, listMissing, lookupKeys,
 * } = defineDatahubSync({ tables: defaultMirrorTables });
 * ```
 *
 * They fail with a `ConvexError<SyncFunctionErrorData>`; `datahubSyncProtocol` says what each takes, gives
 * and refuses.
 */
export function defineDatahubSync({ tables }: DatahubSyncOptions) {
  requireDistinctNumbers(Object.keys(tables));

  function definitionOf(table: string): TableDefinition {
    const mirror = Object.hasOwn(tables, table) ? tables[table] : undefined;
    if (mirror === undefined) {
      throw refusal("UNKNOWN_TABLE", "This deployment mirrors no table of this name.");
    }
    return mirror;
  }

  async function admit(args: { syncKey: string; table: string }): Promise<TableDefinition> {
    await requireSyncKey(args.syncKey);
    return definitionOf(args.table);
  }

  return {
    handshake: query({
      args: { syncKey, ...handshakeFields },
      returns: handshakeResult,
      handler: async (ctx, args) => {
        await requireSyncKey(args.syncKey);
        return await handshake(ctx.db, tables, args);
      },
    }),

    beginRuns: mutation({
      args: { syncKey, ...beginRunsFields },
      returns: v.array(runResult),
      handler: async (ctx, { syncKey: key, tables: names, ...run }) => {
        await requireSyncKey(key);
        return await forEachMirror(
          names.map((table) => ({ table })),
          async ({ table }) => {
            definitionOf(table);
            return await beginRun(ctx.db, { ...run, table });
          },
        );
      },
    }),

    rotateFence: mutation({
      args: { syncKey, ...rotateFenceFields },
      returns: v.null(),
      handler: async (ctx, args) => {
        await admit(args);
        return await rotateFence(ctx.db, args);
      },
    }),

    applyBatch: mutation({
      args: { syncKey, ...batchFields },
      returns: batchResult,
      handler: async (ctx, args) => {
        const mirror = await admit(args);
        return await applyBatch(ctx.db, mirror, args);
      },
    }),

    finishRuns: mutation({
      args: { syncKey, ...finishRunsFields },
      returns: v.array(runResult),
      handler: async (ctx, { syncKey: key, ends, ...run }) => {
        await requireSyncKey(key);
        return await forEachMirror(ends, async (end) => {
          definitionOf(end.table);
          return await finishRun(ctx.db, run, end);
        });
      },
    }),

    listLedger: query({
      args: { syncKey, ...listLedgerFields },
      returns: ledgerPage,
      handler: async (ctx, args) => {
        await admit(args);
        return await listLedger(ctx.db, args);
      },
    }),

    listDocuments: query({
      args: { syncKey, ...listDocumentsFields },
      returns: documentPage,
      handler: async (ctx, args) => {
        await admit(args);
        return await listDocuments(ctx.db, args);
      },
    }),

    listMissing: query({
      args: { syncKey, ...listMissingFields },
      returns: missingPage,
      handler: async (ctx, args) => {
        await admit(args);
        return await listMissing(ctx.db, args);
      },
    }),

    lookupKeys: query({
      args: { syncKey, ...lookupKeysFields },
      returns: lookupResult,
      handler: async (ctx, args) => {
        await admit(args);
        return await lookupKeys(ctx.db, args);
      },
    }),
  };
}
