import type { ObjectType } from "convex/values";
import { refusal } from "./datahubSyncErrors.js";
import {
  countRows,
  setRows,
  type MirrorDataModel,
  type MirrorReader,
  type MirrorWriter,
} from "./datahubSyncLedger.js";
import type {
  BeginRun,
  FinishRun,
  MirrorState,
  RotateFence,
  RunResult,
  tokenFields,
} from "./datahubSyncProtocol.js";

type StateDocument = MirrorDataModel["datahubSyncMirrors"]["document"];

type Token = ObjectType<typeof tokenFields>;
type Run = Omit<Token, "fence">;

export function findState(db: MirrorReader, table: string): Promise<StateDocument | null> {
  return db
    .query("datahubSyncMirrors")
    .withIndex("by_table", (q) => q.eq("table", table))
    .unique();
}

/**
 * Invariant 5: a write of a run that lost its lease, or a late duplicate of an earlier call, changes nothing.
 */
export async function requireToken(db: MirrorReader, token: Token): Promise<StateDocument> {
  const state = await findState(db, token.table);
  if (state === null || !isRunning(state, token) || state.fence !== token.fence) {
    throw refusal("STALE_TOKEN", "Another run of this mirror has begun, or this one has ended.");
  }
  return state;
}

function isRunning(state: MirrorState, run: Run): boolean {
  return state.running && state.epoch === run.epoch && state.nonce === run.nonce;
}

export async function beginRun(db: MirrorWriter, run: BeginRun): Promise<RunResult> {
  const { table, lineage, epoch, nonce, takeOver } = run;
  const begun = { lineage, epoch, nonce, fence: 0n, running: true };
  const state = await findState(db, table);
  const rows = await countRows(db, table);
  if (state === null) {
    const nothingYet = { highWaterMark: null, position: null, lastRun: null };
    await db.insert("datahubSyncMirrors", { table, ...begun, ...nothingYet, rows });
    return { rows };
  }
  const ownLineage = state.lineage === lineage;
  if (!ownLineage && !takeOver) {
    throw refusal("LINEAGE_MISMATCH", "This mirror belongs to another source database.");
  }
  // A repeat of the call that began this run. The fence stays as it is: the repeat may be a late one.
  if (ownLineage && isRunning(state, run)) return { rows };
  if (epoch <= state.epoch) {
    throw refusal("EPOCH_BEHIND", "This mirror has seen a run with this epoch or a later one.", {
      epoch: state.epoch.toString(),
    });
  }
  // What another source's run left behind says nothing about how fresh this source's mirror is.
  const forgotten = ownLineage ? {} : { highWaterMark: null, position: null, lastRun: null };
  await db.patch("datahubSyncMirrors", state._id, { ...begun, ...forgotten });
  return { rows };
}

export async function rotateFence(db: MirrorWriter, token: RotateFence): Promise<null> {
  if (token.nextFence <= token.fence) {
    throw refusal("BAD_REQUEST", "nextFence must be above fence.");
  }
  const state = await findState(db, token.table);
  if (state !== null && isRunning(state, token) && state.fence === token.nextFence) return null;
  const current = await requireToken(db, token);
  await db.patch("datahubSyncMirrors", current._id, { fence: token.nextFence });
  return null;
}

export async function finishRun(db: MirrorWriter, end: FinishRun): Promise<RunResult> {
  const rows = end.rows ?? (await countRows(db, end.table));
  const state = await findState(db, end.table);
  const alreadyEnded =
    state !== null && !state.running && state.epoch === end.epoch && state.nonce === end.nextNonce;
  if (alreadyEnded) return { rows };
  const current = await requireToken(db, end);
  if (end.rows !== undefined) await setRows(db, end.table, rows);
  const { nextNonce: nonce, highWaterMark, position, lastRun } = end;
  await db.patch("datahubSyncMirrors", current._id, {
    nonce,
    running: false,
    highWaterMark,
    position,
    rows,
    lastRun,
  });
  return { rows };
}
