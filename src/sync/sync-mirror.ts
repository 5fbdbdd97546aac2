import { display } from "../catalog/mirror-refusal.js";
import { SyncError } from "../model/errors.js";
import type { RunMode } from "../model/report.js";
import type { ChangeCursor, ChangeRange } from "../source/change-log.js";
import { parseSnapshot } from "../model/snapshot.js";
import { takeSnapshot } from "../source/source-identity.js";
import { adoptStrangers } from "./adopt-pass.js";
import type { Acknowledged } from "./agreement.js";
import { compareAll, type CompareCursor } from "./compare-pass.js";
import { sendChanges, type DeltaCursor } from "./delta-pass.js";
import { checkDocuments, recordStrangers } from "./document-pass.js";
import { loadAll } from "./load-pass.js";
import type { MirrorRun } from "./mirror-run.js";
import type { MirrorTask } from "./mirror-task.js";
import { closingNotices, documentsMended, entriesMissing, ledgerShort } from "./notices.js";
import type { RunPlan } from "./plan-run.js";
import type { RunContext } from "./run-context.js";
import type { RunOptions } from "./run-options.js";

/**
 * Moves the rows of one mirror whose run has begun: what its plan says, then the deletions. When this resolves, all of it is
 * acknowledged.
 */
export async function doWork(
  context: RunContext,
  task: MirrorTask,
  { allowDeletes, removeStrangers = [] }: Pick<RunOptions, "allowDeletes" | "removeStrangers">,
): Promise<void> {
  context.signal.throwIfAborted();
  const { listener } = context;
  const run = task.run!;
  const { source, effects, writer } = run;
  const { plan, snapshot, at } = task.planned!;
  const work = plan.work.kind === "load" ? "first load" : plan.mode;
  listener.tableStarted(source.name, work, listener.showsProgress ? await expectRows(run, plan) : null);
  for (const notice of plan.notices) task.tell(notice);

  if (source.untrackable !== null) await requireKey(run);
  const end = await makePasses(run, plan, { snapshot, at });
  const heldBack = run.mayDelete
    ? await effects.makeDeletions(run, {
        documentsBefore: run.documentsBefore,
        allowed: allowDeletes.includes(source.name),
        strangersToo: removeStrangers.includes(source.name),
      })
    : 0;
  const setAside = writer.hasSetAside ? await effects.countSetAside() : 0;
  const { inserted, updated, unchanged, deleted } = writer.counts;
  task.outcome = {
    mode: end.mode,
    read: writer.read,
    inserted,
    updated,
    unchanged,
    deleted,
    rejected: setAside,
    heldBack,
    watermark: { position: end.snapshot, at: end.at },
    tracking: task.fit!.tracking,
    waiting: task.fit!.waiting,
    notices: [...run.notices, ...closingNotices(source.name, setAside, heldBack)],
  };
}

/**
 * The key of what is no table holds by its owner's word alone: a row without one would never be listed, and of two with the
 * same one, either might be taken for the other.
 * @throws SyncError NO_KEY
 */
async function requireKey({ reader, source }: MirrorRun): Promise<void> {
  const { nulls, doubles } = await reader.countBadKeys();
  if (nulls + doubles === 0) return;
  const columns = source.keyColumns.map(({ name }) => name).join(", ");
  const what = [
    ...(nulls === 0 ? [] : [`${nulls} rows have NULL in their key`]),
    ...(doubles === 0 ? [] : [`${doubles} rows have the key of another`]),
  ];
  throw new SyncError({
    code: "NO_KEY",
    message: `The columns ${columns} do not tell the rows of ${display(source.relation)} apart: ${what.join(", and ")}.`,
    remedy: 'Name others as "key", or leave such rows out of it. Nothing was changed.',
    table: source.name,
  });
}

/** For somebody who watches: what a statistic says of a table, or what the log holds. */
function expectRows({ log, reader }: MirrorRun, { work }: RunPlan): Promise<number | null> {
  return work.kind === "delta" ? log.countKeys(work.watermark) : reader.estimateRows();
}

/** The snapshot that a run ends with, its own unless it resumed an older one, and what it turned out to be. */
interface WorkEnd {
  snapshot: string;
  at: string;
  mode: RunMode;
}

/** The passes of a run. */
async function makePasses(
  run: MirrorRun,
  plan: RunPlan,
  begun: { snapshot: string; at: string },
): Promise<WorkEnd> {
  const { context, effects, source } = run;
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
    if (strays <= 0 || source.isView || run.writer.hasSetAside) return;
    run.notices.push(entriesMissing(strays));
    if (mode === "delta") mode = "full";
    await compare(null);
  };
  if (plan.recordStrangers) await recordStrangers(run);
  if (plan.adoptStrangers) await adoptStrangers(run);
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
    await effects.advanceRun({ from: begun, to: end, cursor });
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
