import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import { SyncError } from "../errors.js";
import type { RunMode } from "../report.js";
import type { MirrorSource } from "../source/mirror-source.js";
import { isSteady, type Sight } from "../source/sight.js";
import type { SnapshotMoment } from "../source/snapshot.js";
import { readIdentity } from "../source/source-identity.js";
import { readMirrorRecord, type MirrorRecord } from "../state/mirror-record.js";
import { announceEnd, commitWatermark, openRun } from "../state/open-run.js";
import { acknowledgedIn } from "./agreement.js";
import { countLedger } from "./listings.js";
import { catalogChanged } from "./notices.js";
import type { MirrorOutcome, MirrorRun } from "./mirror-run.js";
import type { RunPlan } from "./plan-run.js";
import type { RunContext } from "./run-context.js";

/**
 * After the snapshot, the synchronous write, then Convex, then the first row. A resumed run keeps its snapshot: what is
 * acknowledged up to its cursor was read after that snapshot, not after a newer one.
 */
export async function beginRun(
  context: RunContext,
  source: MirrorSource,
  run: RunPlan,
  taken: SnapshotMoment,
  {
    handshake,
    record,
    takeOver,
  }: { handshake: MirrorHandshake; record: MirrorRecord | null; takeOver: boolean },
): Promise<{ snapshot: string; snapshotAt: string }> {
  const { database, lease, sink, signal, deadlineAt } = context;
  const snapshot = run.resumed?.snapshot ?? taken.snapshot;
  const snapshotAt = run.resumed?.snapshotAt ?? taken.at;
  const wasRegistered = await openRun(
    database,
    lease,
    source.name,
    source.sight.trackedId,
    {
      nonce: lease.nonce,
      priorNonce: handshake.state?.nonce ?? null,
      mode: run.mode,
      snapshot,
      snapshotAt,
      seen: source.sight,
      history: context.history,
      cursor: run.resumed?.cursor ?? firstCursor(run, record),
      finalNonce: null,
    },
    { voidWatermark: run.voidWatermark },
  );
  if (!wasRegistered) throw forgotten(source.name);
  const { epoch, nonce } = lease;
  await sink.beginRun(
    { table: source.name, lineage: context.lineage, epoch, nonce, takeOver },
    { signal, deadlineAt },
  );
  return { snapshot, snapshotAt };
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

/**
 * Both sides learn the end under a new name: Postgres that it is coming, Convex that it is here, Postgres that it is
 * done. A crash between any two of these is recognised by that name.
 */
export async function finishRun(run: MirrorRun, mode: RunMode, outcome: MirrorOutcome): Promise<void> {
  const { context, source, writer } = run;
  const seen = await lookAgain(run);
  if (seen.unsteady === true) outcome.notices.push(catalogChanged(source.name));
  const { database, lease, sink, clock, signal, deadlineAt } = context;
  await requireTimeline(context);
  const counted = run.miscounted ? { rows: await countLedger(run) } : {};
  const nextNonce = clock.uuid();
  await announceEnd(database, lease, source.name, { finalNonce: nextNonce, seen });
  const { read, inserted, updated, unchanged, deleted, rejected } = outcome;
  await sink.finishRun(
    {
      ...writer.token,
      nextNonce,
      highWaterMark: outcome.watermark.at,
      position: outcome.watermark.position,
      ...counted,
      lastRun: {
        mode,
        outcome: "done",
        finishedAt: new Date(clock.now()).toISOString(),
        ...{ read, inserted, updated, unchanged, deleted, rejected },
      },
    },
    { signal, deadlineAt },
  );
  await commitWatermark(database, lease, source.name, { mode, finalNonce: nextNonce, changes: run.changes });
}

/**
 * The catalog once more, before the watermark moves (invariant 14). What came and went between the two looks is noticed
 * by the statements that read rows, each of which says which partitions it read, and by who wrote the catalog's rows.
 */
async function lookAgain(run: MirrorRun): Promise<Sight> {
  const { source, reader } = run;
  const again = await run.inspect();
  const steady = !reader.sawOtherPartitions && isSteady(source.sight, again.sight);
  return steady ? source.sight : { ...source.sight, unsteady: true };
}

/** Convex has acknowledged the end of that run, so its snapshot is the watermark: only Postgres had yet to hear. */
export async function finishEndedRun(
  context: RunContext,
  table: string,
  record: MirrorRecord,
): Promise<MirrorRecord | null> {
  const { mode, finalNonce } = record.openRun!;
  await commitWatermark(context.database, context.lease, table, { mode, finalNonce: finalNonce! });
  return readMirrorRecord(context.database, context.lease.targetId, table);
}

/**
 * A fail-over or a restore in the middle of a run may have taken back commits that the run has read, and no nonce says
 * so: both sides know this run. The next one sees that the history is another, and compares.
 */
async function requireTimeline({ database, timeline }: RunContext): Promise<void> {
  if ((await readIdentity(database)).timeline === timeline) return;
  throw new SyncError({
    code: "DATABASE_FAILED",
    message: "Postgres failed over, or was restored, while this run was going on: what it read may be gone.",
    remedy: "Run again: the next run compares everything by itself.",
  });
}
