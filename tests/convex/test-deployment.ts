import { convexTest } from "convex-test";
import { ConvexError, type GenericId } from "convex/values";
import { expect, vi } from "vitest";
import { api } from "../../convex/_generated/api.js";
import type { Batch } from "../../convex/datahubSync/batchProtocol.js";
import type { SyncFunctionErrorCode, Usage } from "../../convex/datahubSync/protocol.js";
import type { BeginRun, RunEnd, RunResult } from "../../convex/datahubSync/runProtocol.js";
import schema from "../../convex/schema.js";

export const SYNC_KEY = "a key for tests";
export const TABLE = "sow_poles";
export const functions = api.datahubSync;

const modules = {
  // convex-test finds the root of the functions by this path.
  "../../convex/_generated/api.ts": () => import("../../convex/_generated/api.js"),
  "../../convex/datahubSync.ts": () => import("../../convex/datahubSync.js"),
};

export const FIRST_RUN = { table: TABLE, epoch: 1n, nonce: "first" } as const;
export const FIRST_TOKEN = { ...FIRST_RUN, fence: 0n } as const;
export const NO_RUN_YET = { highWaterMark: null, position: null, lastRun: null };

/** A deployment of `convex/` that nothing has been written to, with short names for what tests do to it. */
export function startTestDeployment(options: { transactionLimits?: boolean } = {}) {
  vi.stubEnv("CONVEX_SYNC_AUTH_KEY", SYNC_KEY);
  const t = convexTest({ schema, modules, ...options });
  const syncKey = SYNC_KEY;

  return {
    t,
    begin: async ({ table = TABLE, ...run }: Partial<BeginRun> = {}) => {
      const { epoch, nonce } = FIRST_RUN;
      const begun = { epoch, nonce, lineage: "source", takeOver: false, ...run };
      return onlyOne(await t.mutation(functions.beginRuns, { syncKey, ...begun, tables: [table] }));
    },
    rotate: (fence: bigint, nextFence: bigint, run: Partial<Batch> = {}) =>
      answer(t.mutation(functions.rotateFence, { syncKey, ...tokenOf(run), fence, nextFence })),
    apply: (batch: Partial<Batch>) =>
      answer(
        t.mutation(functions.applyBatch, {
          syncKey,
          ...tokenOf(batch),
          slot: batch.slot ?? 0,
          upserts: batch.upserts ?? [],
          deletions: batch.deletions ?? [],
          orphans: batch.orphans ?? [],
          force: batch.force ?? false,
        }),
      ),
    finish: async ({ epoch, nonce, ...end }: Partial<RunEnd & Pick<Batch, "epoch" | "nonce">> = {}) => {
      const run = {
        ...FIRST_RUN,
        ...(epoch !== undefined && { epoch }),
        ...(nonce !== undefined && { nonce }),
      };
      const ended = {
        table: run.table,
        fence: 0n,
        priorNonce: null,
        nextNonce: "ended",
        highWaterMark: "2025-10-31T08:15:00.000000Z",
        position: "100:110:104",
        lastRun: lastRun(),
        ...end,
      };
      const of = { syncKey, lineage: "source", epoch: run.epoch, nonce: run.nonce };
      return onlyOne(await t.mutation(functions.finishRuns, { ...of, ends: [ended] }));
    },
    handshake: async (table: string = TABLE) => {
      const { mirrors } = await t.query(functions.handshake, { syncKey, tables: [table], sampleFrom: 0 });
      return mirrors[0]!;
    },
    listLedger: (after: string | null = null, limit = 100, table: string = TABLE) =>
      answer(t.query(functions.listLedger, { syncKey, table, after, limit })),
    listDocuments: (cursor: string | null = null, limit = 100, maxBytes = 1_000_000, table: string = TABLE) =>
      answer(t.query(functions.listDocuments, { syncKey, table, cursor, limit, maxBytes })),
    listMissing: (after: string | null = null, limit = 100, table: string = TABLE) =>
      answer(t.query(functions.listMissing, { syncKey, table, after, limit })),
    lookupKeys: (keys: string[], table: string = TABLE) =>
      answer(t.query(functions.lookupKeys, { syncKey, table, keys })),
    readDocuments: (keys: string[]) =>
      answer(t.query(functions.readDocuments, { syncKey, table: TABLE, keys })),

    /** What is stored, as a reader of the database sees it. */
    documents: () => t.run((ctx) => ctx.db.query(TABLE).collect()),
    ledger: () => t.run((ctx) => ctx.db.query("datahubSyncLedger").collect()),
    counts: () => t.run((ctx) => ctx.db.query("datahubSyncCounts").collect()),
    state: () => t.run((ctx) => ctx.db.query("datahubSyncMirrors").first()),
    /** Someone edits the deployment by hand. */
    edit: (id: GenericId<typeof TABLE>, fields: { status: string }) =>
      t.run((ctx) => ctx.db.patch(TABLE, id, fields)),
    wipe: (id: GenericId<typeof TABLE>) => t.run((ctx) => ctx.db.delete(TABLE, id)),
    insertStranger: (status: string) => t.run((ctx) => ctx.db.insert(TABLE, { status })),
  };
}
export type TestDeployment = ReturnType<typeof startTestDeployment>;

/** What a function answers, beside what it used. */
async function answer<Result>(call: Promise<Result & { used: Usage }>): Promise<Omit<Result, "used">> {
  const { used: _, ...result } = await call;
  return result;
}

/** What became of the one mirror; fails as its function would, were it called for that alone. */
export function onlyOne({ results: [result] }: { results: RunResult[] }): { rows: number } {
  if (result!.refused !== null) throw new ConvexError(result!.refused);
  return { rows: result!.rows };
}

function tokenOf(fields: Partial<Batch>) {
  const { table, epoch, nonce } = { ...FIRST_RUN, ...fields };
  return { table, epoch, nonce, fence: fields.fence ?? 0n };
}

/** A row of the test table whose content is `status`. */
export function row(key: string, status: string) {
  return { key, hash: `hash of ${status}`, document: { id: key, status } };
}

export function lastRun() {
  const counts = { read: 3, inserted: 1, updated: 1, unchanged: 1, deleted: 0, rejected: 0 };
  return {
    mode: "delta" as const,
    outcome: "done" as const,
    finishedAt: "2025-10-31T08:15:30.000Z",
    ...counts,
  };
}

/** The end of a run that found nothing to move the mark by. */
export const FIRST_END = { nextNonce: "ended", highWaterMark: null, position: null, lastRun: lastRun() };

/** The data of the ConvexError that the call ends in; fails if it ends otherwise. */
export async function refusalOf(call: Promise<unknown>): Promise<Record<string, string>> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ConvexError);
  return (error as ConvexError<Record<string, string>>).data;
}

export async function expectRefusal(call: Promise<unknown>, code: SyncFunctionErrorCode): Promise<void> {
  expect((await refusalOf(call))["code"]).toBe(code);
}
