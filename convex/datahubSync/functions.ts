import {
  internalQueryGeneric,
  mutationGeneric,
  queryGeneric,
  type GenericSchema,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v } from "convex/values";
import { requireSyncKey } from "./auth.js";
import { adoptDocuments } from "./adopt.js";
import { applyBatch } from "./batch.js";
import { adoptFields, adoptResult, batchFields, batchResult } from "./batchProtocol.js";
import { refusal } from "./errors.js";
import { freshnessResult, mirrorFreshness } from "./freshness.js";
import { handshake } from "./handshake.js";
import type { MirrorDataModel } from "./ledger.js";
import { requireDistinctNumbers } from "./mirrorNumber.js";
import { listDocuments, listLedger, listMissing, lookupKeys, readDocuments } from "./pages.js";
import {
  documentPage,
  documentsRead,
  ledgerPage,
  listDocumentsFields,
  listLedgerFields,
  listMissingFields,
  lookupKeysFields,
  lookupResult,
  missingPage,
  readDocumentsFields,
} from "./pageProtocol.js";
import { usage } from "./protocol.js";
import type { TableDefinition } from "./refusal.js";
import { beginRunsFields, finishRunsFields, rotateFenceFields, runResults } from "./runProtocol.js";
import { beginRun, finishRun, forEachMirror, rotateFence } from "./runs.js";
import { handshakeFields, handshakeResult } from "./stateProtocol.js";
import { meteredMutation, meteredQuery } from "./usage.js";

const query: QueryBuilder<MirrorDataModel, "public"> = queryGeneric;
const mutation: MutationBuilder<MirrorDataModel, "public"> = mutationGeneric;
const internalQuery: QueryBuilder<MirrorDataModel, "internal"> = internalQueryGeneric;

/** Every public function takes it, and looks at nothing else before it has been found right. */
const syncKey = v.string();

/**
 * What `defineDatahubSync` is told.
 * @example
 * ```ts
 * import { defineTable } from "convex/server";
 * import { v } from "convex/values";
 * import { mirrored, type DatahubSyncOptions } from "datahub-sync/convex";
 *
 * export const options: DatahubSyncOptions = {
 *   tables: { customers: defineTable({ name: mirrored(v.string()) }) },
 * };
 * ```
 */
export interface DatahubSyncOptions {
  /** The mirrored tables, as the schema defines them, by name. Nothing else can be read or written. */
  tables: GenericSchema;
}

/**
 * The functions that the command line calls. Export all of them from `convex/datahubSync.ts`. They fail with a
 * `ConvexError<SyncFunctionErrorData>`; the `…Protocol.ts` files say what each takes, gives and refuses.
 * @example
 * ```ts
 * // convex/datahubSync.ts
 * import { defaultMirrorTables, defineDatahubSync } from "datahub-sync/convex";
 *
 * export const {
 *   handshake, beginRuns, rotateFence, applyBatch, finishRuns,
 *   listLedger, listDocuments, listMissing, lookupKeys, readDocuments, adoptDocuments, freshness,
 * } = defineDatahubSync({ tables: defaultMirrorTables });
 * ```
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
      returns: handshakeResult.extend({ used: usage }),
      handler: async (ctx, args) => {
        await requireSyncKey(args.syncKey);
        return await meteredQuery(ctx, (db) => handshake(db, tables, args));
      },
    }),

    beginRuns: mutation({
      args: { syncKey, ...beginRunsFields },
      returns: runResults.extend({ used: usage }),
      handler: async (ctx, { syncKey: key, tables: names, ...run }) => {
        await requireSyncKey(key);
        const mirrors = names.map((table) => ({ table }));
        return await meteredMutation(ctx, async (db) => ({
          results: await forEachMirror(mirrors, async ({ table }) => {
            definitionOf(table);
            return await beginRun(db, { ...run, table });
          }),
        }));
      },
    }),

    rotateFence: mutation({
      args: { syncKey, ...rotateFenceFields },
      returns: v.object({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredMutation(ctx, async (db) => {
          await rotateFence(db, args);
          return {};
        });
      },
    }),

    applyBatch: mutation({
      args: { syncKey, ...batchFields },
      returns: batchResult.extend({ used: usage }),
      handler: async (ctx, args) => {
        const mirror = await admit(args);
        return await meteredMutation(ctx, (db) => applyBatch(db, mirror, args));
      },
    }),

    adoptDocuments: mutation({
      args: { syncKey, ...adoptFields },
      returns: adoptResult.extend({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredMutation(ctx, (db) => adoptDocuments(db, args));
      },
    }),

    finishRuns: mutation({
      args: { syncKey, ...finishRunsFields },
      returns: runResults.extend({ used: usage }),
      handler: async (ctx, { syncKey: key, ends, ...run }) => {
        await requireSyncKey(key);
        return await meteredMutation(ctx, async (db) => ({
          results: await forEachMirror(ends, async (end) => {
            definitionOf(end.table);
            return await finishRun(db, run, end);
          }),
        }));
      },
    }),

    listLedger: query({
      args: { syncKey, ...listLedgerFields },
      returns: ledgerPage.extend({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredQuery(ctx, (db) => listLedger(db, args));
      },
    }),

    listDocuments: query({
      args: { syncKey, ...listDocumentsFields },
      returns: documentPage.extend({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredQuery(ctx, (db) => listDocuments(db, args));
      },
    }),

    listMissing: query({
      args: { syncKey, ...listMissingFields },
      returns: missingPage.extend({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredQuery(ctx, (db) => listMissing(db, args));
      },
    }),

    lookupKeys: query({
      args: { syncKey, ...lookupKeysFields },
      returns: lookupResult.extend({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredQuery(ctx, (db) => lookupKeys(db, args));
      },
    }),

    /**
     * How fresh each mirror is: for the dashboard, for `npx convex run datahubSync:freshness`, and for crons of the app. Internal, so
     * that it needs no key and no browser can ask it; see `mirrorFreshness` for a query of the app's own.
     */
    freshness: internalQuery({
      args: {},
      returns: freshnessResult,
      handler: (ctx) =>
        Promise.all(
          Object.keys(tables).map(async (table) => ({ table, freshness: await mirrorFreshness(ctx, table) })),
        ),
    }),

    readDocuments: query({
      args: { syncKey, ...readDocumentsFields },
      returns: documentsRead.extend({ used: usage }),
      handler: async (ctx, args) => {
        await admit(args);
        return await meteredQuery(ctx, (db) => readDocuments(db, args));
      },
    }),
  };
}
