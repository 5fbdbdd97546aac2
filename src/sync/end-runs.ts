import { sql } from "drizzle-orm";
import type { RunEnd } from "../../convex/datahubSync/runProtocol.js";
import { SyncError } from "../model/errors.js";
import { isSteady, type Sight } from "../model/sight.js";
import { TIMELINE } from "../source/source-identity.js";
import type { SizesSent } from "../state/end-run.js";
import type { MirrorRecord } from "../state/mirror-record.js";
import { countLedger } from "./listings.js";
import { lookAtMirrors } from "./look-at-catalog.js";
import type { MirrorOutcome } from "./mirror-run.js";
import { asSyncError, type MirrorTask } from "./mirror-task.js";
import { catalogChanged, closingNotices } from "./notices.js";
import type { RunContext } from "./run-context.js";

/** A run that is about to end. */
interface Ending {
  task: MirrorTask;
  outcome: MirrorOutcome;
  seen: Sight;
  nextNonce: string;
  /** Rows as they were counted one by one, where the mirror's own count is wrong. */
  rows: number | null;
}

/**
 * Both sides learn the ends under new names, those of mirrors that had nothing to do among them: Postgres that they are
 * coming, Convex that they are here, Postgres that they are done. A crash between any two of these is recognised by those
 * names.
 */
export async function endRuns(context: RunContext, tasks: readonly MirrorTask[]): Promise<void> {
  const { effects, lease, sink, signal, deadlineAt } = context;
  signal.throwIfAborted();
  let ends = await lookAgain(context, tasks);
  const settle = async (refused: ReadonlyMap<string, SyncError>): Promise<void> => {
    for (const { task } of ends) {
      const why = refused.get(task.name);
      if (why !== undefined) await task.fail(why);
    }
    ends = ends.filter(({ task }) => !task.isOver);
  };
  if (ends.length === 0) return;
  const { witness, refused } = await effects.announceEnds(
    ends.map(({ task, seen, nextNonce }) => ({
      name: task.name,
      finalNonce: nextNonce,
      seen,
      opening: task.run === null ? openingOf(context, task) : null,
    })),
    sql.raw(TIMELINE),
  );
  if (witness !== context.timeline) throw failedOver();
  await settle(refused);
  const run = { lineage: context.lineage, epoch: lease.epoch, nonce: lease.nonce };
  await settle(
    await sink.finishRuns(
      { ...run, ends: ends.map((end) => toRunEnd(context, end)) },
      { signal, deadlineAt },
    ),
  );
  await settle(
    await effects.commitWatermarks(
      ends.map(({ task, outcome, nextNonce }) => ({
        name: task.name,
        mode: outcome.mode,
        finalNonce: nextNonce,
        changes: task.run?.changes ?? { read: 0, timestamps: 0 },
        sizes: sizesOf(task),
      })),
    ),
  );
  for (const { task, outcome } of ends) task.finish(outcome);
}

/**
 * The catalog once more, before the watermark moves (invariant 14). What came and went between the two looks is noticed
 * by the statements that read rows, each of which says which partitions it read, and by who wrote the catalog's rows.
 */
async function lookAgain(context: RunContext, tasks: readonly MirrorTask[]): Promise<Ending[]> {
  const looked = await lookAtMirrors(
    context.database,
    tasks.map(({ fit }) => fit!.config),
  );
  const ends: Ending[] = [];
  for (const [place, task] of tasks.entries()) {
    const again = looked[place]!;
    try {
      if (again instanceof SyncError) throw again;
      const { source, foresee = (now) => now } = task.fit!;
      const { sight } = source;
      const steady = task.run?.reader.sawOtherPartitions !== true && isSteady(sight, foresee(again).sight);
      const outcome = task.outcome ?? idleOutcome(task);
      if (!steady) outcome.notices.push(catalogChanged(task.name));
      ends.push({
        task,
        outcome,
        seen: steady ? sight : { ...sight, unsteady: true },
        nextNonce: context.clock.uuid(),
        rows: task.run?.miscounted === true ? await countLedger(task.run) : null,
      });
    } catch (error) {
      await task.fail(asSyncError(error, task.name));
    }
  }
  return ends;
}

function idleOutcome({ name, fit, planned, survey }: MirrorTask): MirrorOutcome {
  const { setAside } = survey.memory;
  return {
    mode: "delta",
    read: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    heldBack: 0,
    rejected: setAside,
    watermark: { position: planned!.snapshot, at: planned!.at },
    tracking: fit!.tracking,
    waiting: fit!.waiting,
    notices: [...planned!.plan.notices, ...closingNotices(name, setAside, 0)],
  };
}

/** What the rows that were sent say of the sizes of all. */
function sizesOf({ run, survey }: MirrorTask): SizesSent | null {
  if (run === null || run.writer.sizes.rows === 0) return null;
  const { rows, documentBytes, keyBytes } = run.writer.sizes;
  const { inserted, deleted } = run.writer.counts;
  const all = Math.max(rows, survey.handshake.rows + inserted - deleted);
  return { documentBytes: documentBytes / rows, keyBytes: keyBytes / rows, share: rows / all };
}

function openingOf({ history }: RunContext, { survey, planned }: MirrorTask) {
  const priorNonce = survey.handshake.state?.nonce ?? null;
  return { priorNonce, snapshot: planned!.snapshot, snapshotAt: planned!.at, history };
}

function toRunEnd({ clock }: RunContext, { task, outcome, nextNonce, rows: counted }: Ending): RunEnd {
  const { mode, read, inserted, updated, unchanged, deleted, rejected } = outcome;
  return {
    table: task.name,
    fence: task.run?.writer.token.fence ?? null,
    priorNonce: task.survey.handshake.state?.nonce ?? null,
    nextNonce,
    highWaterMark: outcome.watermark.at,
    position: outcome.watermark.position,
    ...(counted !== null && { rows: counted }),
    lastRun: {
      mode,
      outcome: "done",
      finishedAt: new Date(clock.now()).toISOString(),
      read,
      inserted,
      updated,
      unchanged,
      deleted,
      rejected,
    },
  };
}

/** Convex has acknowledged the end of that run, so its snapshot is the watermark: only Postgres had yet to hear. */
export async function finishEndedRun(
  { effects }: RunContext,
  table: string,
  record: MirrorRecord,
): Promise<MirrorRecord | null> {
  const { mode, finalNonce } = record.openRun!;
  const end = {
    name: table,
    mode,
    finalNonce: finalNonce!,
    changes: { read: 0, timestamps: 0 },
    sizes: null,
  };
  const refused = await effects.commitWatermarks([end]);
  if (refused.has(table)) throw refused.get(table)!;
  return effects.of(table).readRecord();
}

/**
 * A fail-over or a restore in the middle of a run may have taken back commits that the run has read, and no nonce says
 * so: both sides know this run. The next one sees that the history is another, and compares.
 */
function failedOver(): SyncError {
  return new SyncError({
    code: "DATABASE_FAILED",
    message: "Postgres failed over, or was restored, while this run was going on: what it read may be gone.",
    remedy: "Run again: the next run compares everything by itself.",
  });
}
