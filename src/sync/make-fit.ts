import { planDocument } from "../encode/plan-document.js";
import { SyncError } from "../model/errors.js";
import { compareMemories } from "./agreement.js";
import { finishEndedRun } from "./end-runs.js";
import { orThrow } from "./look-at-catalog.js";
import type { MirrorTask } from "./mirror-task.js";
import { readyMirror } from "./ready-mirror.js";
import type { RunContext } from "./run-context.js";

/**
 * Before any snapshot: both sides agree on the last run or it is known how not, the tracking is as recorded or is mended.
 * @throws SyncError for a mirror that cannot be run as it stands
 */
export async function makeFit(
  context: RunContext,
  task: MirrorTask,
  { takeOver }: { takeOver: boolean },
): Promise<void> {
  context.signal.throwIfAborted();
  const { config, handshake, memory, looked } = task.survey;
  const { record } = memory;
  const found = orThrow(looked);
  const agreement = compareMemories(record, handshake, context);
  if (agreement.kind === "foreign" && !takeOver) throw foreignMirror(task.name);
  const ready = await readyMirror(context, config, found, { handshake, record });
  const document = planDocument(ready.source.columns, ready.source.name);
  task.fit = {
    ...ready,
    document,
    agreement,
    record: agreement.kind === "ended" ? await finishEndedRun(context, task.name, record!) : record,
  };
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
