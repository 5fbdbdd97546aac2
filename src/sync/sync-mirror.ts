import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { MirrorConfig } from "../config/types.js";
import { planDocument } from "../encode/plan-document.js";
import { SyncError } from "../errors.js";
import type { Notice, RunMode } from "../report.js";
import { ChangeLog, type ChangeCursor, type ChangeRange, type Unknown } from "../source/change-log.js";
import { parseSnapshot, type Snapshot } from "../source/snapshot.js";
import { isAheadOfServer, takeSnapshot } from "../source/source-identity.js";
import { TableReader } from "../source/table-reader.js";
import { readMirrorRecord, type MirrorRecord } from "../state/mirror-record.js";
import { advanceRun, registerMirror } from "../state/open-run.js";
import { countRejectedRows } from "../state/rejected-rows.js";
import { compareMemories, type Acknowledged } from "./agreement.js";
import { compareAll, type CompareCursor } from "./compare-pass.js";
import { makeDeletions } from "./deletion-pass.js";
import { sendChanges, type DeltaCursor } from "./delta-pass.js";
import { checkDocuments, recordStrangers } from "./document-pass.js";
import { loadAll } from "./load-pass.js";
import { MirrorWriter } from "./mirror-writer.js";
import { deletionsHeldBack, documentsMended, entriesMissing, ledgerShort, rowsSetAside } from "./notices.js";
import { planRun, type RunPlan } from "./plan-run.js";
import type { MirrorOutcome, MirrorRun } from "./mirror-run.js";
import { lookAtMirror, readyMirror } from "./ready-mirror.js";
import { beginRun, finishEndedRun, finishRun } from "./run-boundaries.js";
import type { RunContext } from "./run-context.js";

export interface MirrorOptions {
  config: MirrorConfig;
  handshake: MirrorHandshake;
  requested: RunMode;
  allowDeletes: boolean;
  takeOver: boolean;
  /** Given what counts the work acknowledged so far, for the report of a run that fails. */
  onCounting: (count: () => WorkCounts) => void;
}

type WorkCounts = Pick<MirrorOutcome, "read" | "inserted" | "updated" | "unchanged" | "deleted">;

/**
 * One table's run, from the look at the catalog to the watermark: both sides agree on the last run, the tracking is as
 * recorded or is mended, snapshot, a synchronous write, rows, deletions, Convex is told the end, the watermark moves.
 */
export async function syncMirror(context: RunContext, options: MirrorOptions): Promise<MirrorOutcome> {
  const { database } = context;
  const { config, handshake, requested } = options;
  const looked = await lookAtMirror(context, config);
  const record = await readMirrorRecord(database, context.lease.targetId, config.mirror);
  const agreement = compareMemories(record, handshake, context);
  if (agreement.kind === "foreign" && !options.takeOver) throw foreignMirror(config.mirror);
  const { source, inspect, ...ready } = await readyMirror(context, config, looked, { handshake, record });
  const plan = planDocument(source.columns, source.name);
  const remembered =
    agreement.kind === "ended" ? await finishEndedRun(context, source.name, record!) : record;

  const { trackedId } = source.sight;
  if (remembered?.trackedId !== trackedId) {
    await registerMirror(database, context.lease, source.name, trackedId);
  }
  const log = new ChangeLog(database, { name: source.name, trackedId });
  // Before what is decided by what it holds: a TRUNCATE between the two would be behind the watermark, and unnoticed.
  const taken = await takeSnapshot(database);
  const run = planRun({
    requested,
    source,
    record: remembered,
    handshake,
    agreement: agreement.kind === "ended" ? { kind: "agreed" } : agreement,
    unknown: await findUnknown(log, remembered),
    isAhead: await isAheadOfServer(database, snapshotsOf(remembered)),
  });
  const reader = new TableReader(database, source);
  context.listener.tableStarted(source.name, run.mode, await expectRows(log, reader, run));
  run.notices.unshift(...ready.notices);
  for (const notice of run.notices) context.listener.notice(source.name, notice);

  const { snapshotAt, snapshot } = await beginRun(context, source, run, taken, {
    ...options,
    record: remembered,
  });
  const writer = new MirrorWriter(context, {
    table: source.name,
    reader,
    plan,
    token: { table: source.name, epoch: context.lease.epoch, nonce: context.lease.nonce, fence: 0n },
    hadRejected: (await countRejectedRows(database, context.lease.targetId, source.name)) > 0,
  });
  const count = (): WorkCounts => {
    const { inserted, updated, unchanged, deleted } = writer.counts;
    return { read: writer.read, inserted, updated, unchanged, deleted };
  };
  options.onCounting(count);
  const mirrorRun: MirrorRun = {
    ...{ context, source, inspect, log, reader, writer, notices: run.notices },
    documentsBefore: handshake.rows,
    miscounted: false,
    changes: { read: 0, timestamps: 0 },
  };

  const end = await doWork(mirrorRun, run, { snapshot, at: snapshotAt });
  const heldBack = await makeDeletions(mirrorRun, {
    documentsBefore: mirrorRun.documentsBefore,
    allowed: options.allowDeletes,
  });
  const rejected = await countRejectedRows(database, context.lease.targetId, source.name);
  const outcome: MirrorOutcome = {
    mode: end.mode,
    ...count(),
    rejected,
    heldBack,
    watermark: { position: end.snapshot, at: end.at },
    tracking: ready.tracking,
    waiting: ready.waiting,
    notices: [...run.notices, ...closingNotices(source.name, rejected, heldBack)],
  };
  await finishRun(mirrorRun, end.mode, outcome);
  return outcome;
}

async function findUnknown(log: ChangeLog, record: MirrorRecord | null): Promise<Unknown | null> {
  return record?.watermark ? log.findUnknown(parseSnapshot(record.watermark.snapshot)) : null;
}

function snapshotsOf(record: MirrorRecord | null): Snapshot[] {
  return [record?.watermark, record?.openRun].flatMap((from) => (from ? [parseSnapshot(from.snapshot)] : []));
}

function expectRows(log: ChangeLog, reader: TableReader, { work }: RunPlan): Promise<number> {
  return work.kind === "delta" ? log.countKeys(work.watermark) : reader.countRows();
}

/** The snapshot that a run ends with, its own unless it resumed an older one, and what it turned out to be. */
interface WorkEnd {
  snapshot: string;
  at: string;
  mode: RunMode;
}

/** The passes of a run. */
async function doWork(
  run: MirrorRun,
  plan: RunPlan,
  begun: { snapshot: string; at: string },
): Promise<WorkEnd> {
  const { context, source } = run;
  const interrupted = parseSnapshot(begun.snapshot);
  let { mode } = plan;
  const compare = async (from: CompareCursor | null): Promise<void> => {
    const { listed, expected } = await compareAll(run, from);
    run.miscounted = listed !== expected;
    run.documentsBefore = listed;
    if (listed >= expected || mode === "deep") return;
    // Documents that no entry accounts for are beside those that were just inserted for the same rows.
    mode = "deep";
    run.notices.push(ledgerShort(listed, expected));
  };
  const send = async (range: ChangeRange, from: ChangeCursor | null): Promise<void> => {
    const { strays: before } = (from === null ? {} : plan.resumed!.cursor) as Partial<DeltaCursor>;
    const strays = await sendChanges(run, range, from, before);
    // A row may come into a view by any change, and one that was set aside was never there.
    if (strays <= 0 || source.isView || run.writer.hasRejected) return;
    run.notices.push(entriesMissing(strays));
    if (mode === "delta") mode = "full";
    await compare(null);
  };
  if (plan.recordStrangers) await recordStrangers(run);
  switch (plan.work.kind) {
    case "load":
      await loadAll(run, plan.work.after);
      break;
    case "delta":
      await send({ since: plan.work.watermark, until: interrupted }, plan.work.cursor);
      break;
    case "compare":
      await compare(plan.work.from);
      break;
  }
  let end = begun;
  if (plan.resumed !== null) {
    // The interrupted run is complete. What has changed since its snapshot follows at once.
    end = await takeSnapshot(context.database);
    const cursor: Acknowledged = { acknowledged: await run.writer.seal() };
    await advanceRun(context.database, context.lease, source.name, { from: begun, to: end, cursor });
    const unknown = await run.log.findUnknown(interrupted);
    if (unknown === null) await send({ since: interrupted, until: parseSnapshot(end.snapshot) }, null);
    else await compare(null);
  }
  // A first load that nothing interrupted has written every document itself.
  if (mode === "deep" && (plan.work.kind !== "load" || plan.resumed !== null)) {
    const seen = await checkDocuments(run);
    if (seen.mended + seen.restored > 0) {
      run.notices.push(documentsMended(seen.mended, seen.restored));
    }
  }
  return { ...end, mode };
}

function closingNotices(table: string, rejected: number, heldBack: number): Notice[] {
  return [
    ...(rejected > 0 ? [rowsSetAside(table, rejected)] : []),
    ...(heldBack > 0 ? [deletionsHeldBack(table, heldBack)] : []),
  ];
}

function foreignMirror(table: string): SyncError {
  return new SyncError({
    code: "LINEAGE_MISMATCH",
    message: `The mirror ${table} was made from another database: this one is a copy, a branch, or a different source.`,
    remedy:
      "Check DATABASE_URL and CONVEX_URL. To make this database the source from now on, run once with --take-over.",
    table,
  });
}
