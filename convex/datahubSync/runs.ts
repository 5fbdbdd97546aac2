import { ConvexError, type ObjectType } from "convex/values";
import { refusal } from "./errors.js";
import { indexesOf } from "./indexKeys.js";
import {
  countRows,
  datahubSyncTables,
  setRows,
  type MirrorDataModel,
  type MirrorReader,
  type MirrorWriter,
} from "./ledger.js";
import { LIMITS, type SyncFunctionErrorData, type tokenFields } from "./protocol.js";
import type { BeginRun, FinishRuns, RotateFence, RunEnd, RunResult } from "./runProtocol.js";
import type { MirrorState } from "./stateProtocol.js";

type StateDocument = MirrorDataModel["datahubSyncMirrors"]["document"];

type Token = ObjectType<typeof tokenFields>;
type Run = Omit<Token, "fence">;

const INDEXES = indexesOf(datahubSyncTables.datahubSyncMirrors);

export async function findState(db: MirrorReader, table: string): Promise<StateDocument | null> {
  const state = await db
    .query("datahubSyncMirrors")
    .withIndex("by_table", (q) => q.eq("table", table))
    .unique();
  if (state !== null) db.keys?.noteRead(INDEXES[0]!, state);
  return state;
}

async function change(db: MirrorWriter, state: StateDocument, changes: Partial<MirrorState>): Promise<void> {
  await db.patch("datahubSyncMirrors", state._id, changes);
  db.keys?.noteWritten(INDEXES, state);
}

/**
 * Invariant 5: a write of a run that lost its lease, or a late duplicate of an earlier call, changes nothing.
 */
export async function requireToken(db: MirrorReader, token: Token): Promise<StateDocument> {
  const state = await findState(db, token.table);
  if (state === null || !isRunning(state, token) || state.fence !== token.fence) {
    throw stale();
  }
  return state;
}

function isRunning(state: MirrorState, run: Run): boolean {
  return state.running && state.epoch === run.epoch && state.nonce === run.nonce;
}

/**
 * Does something for each mirror; one that is refused leaves the others alone. Only for what refuses before it writes: a
 * transaction keeps what was written before an error that is caught.
 */
export async function forEachMirror<Mirror extends { table: string }>(
  mirrors: readonly Mirror[],
  work: (mirror: Mirror) => Promise<number>,
): Promise<RunResult[]> {
  if (mirrors.length > LIMITS.mirrors) {
    throw refusal("BAD_REQUEST", `A call covers at most ${LIMITS.mirrors} mirrors.`);
  }
  if (new Set(mirrors.map(({ table }) => table)).size < mirrors.length) {
    // At once, both would find no state and make one each.
    throw refusal("BAD_REQUEST", "A mirror stands twice in one call.");
  }
  return Promise.all(
    mirrors.map(async (mirror) => {
      const { table } = mirror;
      try {
        return { table, rows: await work(mirror), refused: null };
      } catch (error) {
        if (!(error instanceof ConvexError)) throw error;
        const { code, message } = error.data as SyncFunctionErrorData;
        return { table, rows: 0, refused: { code, message } };
      }
    }),
  );
}

/** @returns the rows in the mirror */
export async function beginRun(db: MirrorWriter, run: BeginRun): Promise<number> {
  const { table, lineage, epoch, nonce, takeOver } = run;
  const begun = { lineage, epoch, nonce, fence: 0n, running: true };
  const state = await findState(db, table);
  const rows = await countRows(db, table);
  if (state === null) {
    const nothingYet = { highWaterMark: null, position: null, lastRun: null };
    await db.insert("datahubSyncMirrors", { table, ...begun, ...nothingYet, rows });
    db.keys?.noteWritten(INDEXES, { table });
    return rows;
  }
  const ownLineage = state.lineage === lineage;
  if (!ownLineage && !takeOver) {
    throw refusal("LINEAGE_MISMATCH", "This mirror belongs to another source database.");
  }
  // A repeat of the call that began this run. The fence stays as it is: the repeat may be a late one.
  if (ownLineage && isRunning(state, run)) return rows;
  if (epoch <= state.epoch) {
    throw refusal("EPOCH_BEHIND", "This mirror has seen a run with this epoch or a later one.", {
      epoch: state.epoch.toString(),
    });
  }
  // What another source's run left behind says nothing about how fresh this source's mirror is.
  const forgotten = ownLineage ? {} : { highWaterMark: null, position: null, lastRun: null };
  await change(db, state, { ...begun, ...forgotten });
  return rows;
}

export async function rotateFence(db: MirrorWriter, token: RotateFence): Promise<void> {
  if (token.nextFence <= token.fence) {
    throw refusal("BAD_REQUEST", "nextFence must be above fence.");
  }
  const state = await findState(db, token.table);
  if (state !== null && isRunning(state, token) && state.fence === token.nextFence) return;
  const current = await requireToken(db, token);
  await change(db, current, { fence: token.nextFence });
}

/** @returns the rows in the mirror */
export async function finishRun(
  db: MirrorWriter,
  { epoch, nonce, lineage }: Omit<FinishRuns, "ends">,
  end: RunEnd,
): Promise<number> {
  const { table, nextNonce, highWaterMark, position, lastRun } = end;
  const rows = end.rows ?? (await countRows(db, table));
  const state = await findState(db, table);
  const alreadyEnded = state !== null && !state.running && state.epoch === epoch && state.nonce === nextNonce;
  if (alreadyEnded) return rows;
  const ended = { nonce: nextNonce, running: false, highWaterMark, position, rows, lastRun };
  if (end.fence === null) {
    if (state === null || !isUntouched(state, { epoch, lineage, priorNonce: end.priorNonce })) throw stale();
    await change(db, state, { ...ended, epoch, fence: 0n });
    return rows;
  }
  const current = await requireToken(db, { table, epoch, nonce, fence: end.fence });
  if (end.rows !== undefined) await setRows(db, table, rows);
  await change(db, current, ended);
  return rows;
}

/** Whether no other run has begun since the handshake found this nonce. */
function isUntouched(
  state: MirrorState,
  found: { epoch: bigint; lineage: string; priorNonce: string | null },
): boolean {
  const { epoch, lineage, priorNonce } = found;
  return !state.running && state.nonce === priorNonce && state.lineage === lineage && epoch > state.epoch;
}

function stale() {
  return refusal("STALE_TOKEN", "Another run of this mirror has begun, or this one has ended.");
}
