import { SyncError } from "../model/errors.js";
import { ChangeLog } from "../source/change-log.js";
import { TableReader } from "../source/table-reader.js";
import type { MirrorRecord } from "../state/mirror-record.js";
import { acknowledgedIn } from "./agreement.js";
import type { MirrorRun } from "./mirror-run.js";
import type { MirrorTask } from "./mirror-task.js";
import { MirrorWriter } from "./mirror-writer.js";
import type { RunPlan } from "./plan-run.js";
import type { RunContext } from "./run-context.js";

/**
 * After the snapshot, the synchronous write, then Convex, then the first row. A resumed run keeps its snapshot: what is
 * acknowledged up to its cursor was read after that snapshot, not after a newer one.
 */
export async function beginRuns(
  context: RunContext,
  tasks: readonly MirrorTask[],
  { takeOver }: { takeOver: boolean },
): Promise<void> {
  const { effects, lease, sink, signal, deadlineAt } = context;
  signal.throwIfAborted();
  const remembered = await effects.openRuns(
    tasks.map(({ name, fit, planned, survey }) => ({
      name,
      trackedId: fit!.source.sight.trackedId,
      nonce: lease.nonce,
      priorNonce: survey.handshake.state?.nonce ?? null,
      mode: planned!.plan.mode,
      snapshot: planned!.snapshot,
      snapshotAt: planned!.at,
      seen: fit!.source.sight,
      history: context.history,
      cursor: planned!.plan.resumed?.cursor ?? firstCursor(planned!.plan, fit!.record),
      finalNonce: null,
      voidWatermark: planned!.plan.voidWatermark,
    })),
  );
  const opened: MirrorTask[] = [];
  for (const task of tasks) {
    if (remembered.has(task.name)) opened.push(task);
    else await task.fail(forgotten(task.name));
  }
  if (opened.length === 0) return;
  const { epoch, nonce } = lease;
  const refused = await sink.beginRuns(
    { tables: opened.map(({ name }) => name), lineage: context.lineage, epoch, nonce, takeOver },
    { signal, deadlineAt },
  );
  for (const task of opened) {
    const why = refused.get(task.name);
    if (why === undefined) task.run = createRun(context, task);
    else await task.fail(why);
  }
}

/** It was registered before the snapshot was taken; somebody, or the run of another deployment, has removed it since. */
function forgotten(table: string): SyncError {
  return new SyncError({
    code: "DATABASE_FAILED",
    message: `What was remembered of ${table} was removed while this run began.`,
    remedy: "Run again: the next run compares everything.",
    table,
  });
}

/**
 * A load is known by its cursor from the beginning. Any other run that goes on from a watermark relies on what was
 * acknowledged below it, where no run has ended with it: see `advanceRun`.
 */
function firstCursor({ work, voidWatermark }: RunPlan, record: MirrorRecord | null): unknown {
  if (work.kind === "load") return { kind: "load", after: null };
  return voidWatermark ? null : acknowledgedIn(record?.openRun?.cursor);
}

function createRun(context: RunContext, task: MirrorTask): MirrorRun {
  const { source, document } = task.fit!;
  const { name } = source;
  const effects = context.effects.of(name);
  const { handshake, memory } = task.survey;
  const { epoch, nonce } = context.lease;
  const reader = new TableReader(context.database, source);
  const { pending } = memory;
  return {
    context,
    source,
    effects,
    convex: context.sink.mirror(name, context),
    log: new ChangeLog(context.database, { name, trackedId: source.sight.trackedId }),
    reader,
    writer: new MirrorWriter(context, {
      reader,
      plan: document,
      indexes: handshake.indexes,
      effects,
      token: { table: name, epoch, nonce, fence: 0n },
      hadSetAside: memory.setAside > 0,
    }),
    documentsBefore: handshake.rows,
    miscounted: false,
    mayDelete: pending.key + pending.document + pending.stranger > 0,
    changes: { read: 0, timestamps: 0 },
    notices: task.planned!.plan.notices,
    ahead: null,
    listings: null,
    progress: forwardsOnly((done) => context.listener.tableProgress(name, done)),
    onAllRead: () => {},
  };
}

/** A pass may follow one that has counted further. */
function forwardsOnly(tell: (done: number) => void): (done: number) => void {
  let most = 0;
  return (done) => {
    if (done <= most) return;
    most = done;
    tell(done);
  };
}
