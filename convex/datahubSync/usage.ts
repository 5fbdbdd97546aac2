import type { GenericMutationCtx, GenericQueryCtx } from "convex/server";
import { IndexKeys } from "./indexKeys.js";
import type { MirrorDataModel, MirrorReader, MirrorWriter } from "./ledger.js";
import type { Usage } from "./protocol.js";

type Meta = GenericQueryCtx<MirrorDataModel>["meta"];

/** Does a query's work, and tells with its result what the bill counts of it. */
export function meteredQuery<Result extends object>(
  { db, meta }: GenericQueryCtx<MirrorDataModel>,
  work: (db: MirrorReader) => Promise<Result>,
): Promise<Result & { used: Usage }> {
  const keys = new IndexKeys();
  return withUsage(meta, keys, work({ ...db, keys }));
}

/** The same for a mutation. */
export function meteredMutation<Result extends object>(
  { db, meta }: GenericMutationCtx<MirrorDataModel>,
  work: (db: MirrorWriter) => Promise<Result>,
): Promise<Result & { used: Usage }> {
  const keys = new IndexKeys();
  return withUsage(meta, keys, work({ ...db, keys }));
}

async function withUsage<Result extends object>(
  meta: Meta,
  keys: IndexKeys,
  work: Promise<Result>,
): Promise<Result & { used: Usage }> {
  const result = await work;
  return { ...result, used: await readUsage(meta, keys) };
}

/** A backend that somebody hosts may be older than these metrics: then its functions work, and tell no costs. */
async function readUsage(meta: Meta, keys: IndexKeys): Promise<Usage> {
  try {
    const { bytesRead, bytesWritten } = await meta.getTransactionMetrics();
    return { read: bytesRead.used + keys.read, written: bytesWritten.used + keys.written };
  } catch {
    return null;
  }
}
