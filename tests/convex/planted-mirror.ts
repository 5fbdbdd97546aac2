import { expect } from "vitest";
import { applyBatch } from "../../convex/datahubSync/batch.js";
import type { MirrorWriter } from "../../convex/datahubSync/ledger.js";
import type { Batch, BatchResult } from "../../convex/datahubSync/batchProtocol.js";
import { defaultMirrorTables } from "../../convex/defaultMirrorTables.js";
import { FIRST_TOKEN, row, startTestDeployment, type TestDeployment } from "./test-deployment.js";

export const NOTHING = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, absent: 0 };

/** A mirror with rows a, b and c in state "planted", in the middle of a run. */
export async function startPlanted() {
  const mirror = startTestDeployment();
  await mirror.begin();
  await mirror.apply({ upserts: ["a", "b", "c"].map((key) => row(key, "planted")) });
  const documents = await mirror.documents();
  const idOf = (key: string) => documents.find((document) => document.id === key)!._id;
  const statuses = async () =>
    Object.fromEntries((await mirror.documents()).map(({ id, status }) => [id ?? "stranger", status]));
  return { ...mirror, idOf, statuses, rows: async () => (await mirror.handshake()).rows };
}

const wholeBatch = {
  ...FIRST_TOKEN,
  slot: 0,
  upserts: [],
  deletions: [],
  orphans: [],
  force: false,
};

/** Applies the batch, checks its result, and returns the calls into the database that it took. */
export async function callsOf(
  mirror: TestDeployment,
  batch: Partial<Batch>,
  result: BatchResult,
): Promise<string[]> {
  return await mirror.t.run(async (ctx) => {
    const calls: string[] = [];
    const db = recordCalls(ctx.db, calls);
    expect(await applyBatch(db, defaultMirrorTables.sow_poles, { ...wholeBatch, ...batch })).toEqual(result);
    return calls;
  });
}

/** The same database, noting each call as its name and first argument. */
function recordCalls(db: object, calls: string[]): MirrorWriter {
  const recording = new Proxy(db as Record<string, unknown>, {
    get: (methods, name: string) => {
      const method = methods[name];
      // normalizeId decodes the id, and reads nothing.
      if (typeof method !== "function" || name === "normalizeId") return method;
      return (...args: unknown[]): unknown => {
        calls.push(`${name} ${String(args[0])}`);
        return method.apply(methods, args);
      };
    },
  });
  return recording as unknown as MirrorWriter;
}
