import { readDeletions } from "../source/deletion-records.js";
import type { Snapshot } from "../source/snapshot.js";
import type { ChangeCursor } from "../source/table-reader.js";
import { saveCursor } from "../state/open-run.js";
import { addPendingDeletions } from "../state/pending-deletions.js";
import type { Acknowledged } from "./agreement.js";
import type { MirrorRun } from "./mirror-run.js";
import { keysPerPage } from "./page-sizes.js";

/** Where an interrupted delta goes on: all changes up to here are acknowledged. */
export interface DeltaCursor extends Acknowledged {
  kind: "delta";
  at: ChangeCursor;
}

/**
 * Sends the rows that changed since the watermark. Ends with a page that is not full: one statement then has seen
 * every change, so that a row which keeps changing is sent at least once a run.
 */
export async function sendChanges(
  run: MirrorRun,
  watermark: Snapshot,
  from: ChangeCursor | null,
): Promise<void> {
  const { context, source, reader, writer } = run;
  let cursor = from;
  do {
    context.signal.throwIfAborted();
    const page = await reader.changedKeys(watermark, cursor, keysPerPage(context.settings));
    if (page.keys.length > 0) {
      const missing = await writer.sendRows(page.keys);
      await writer.checkpoint();
      // Gone since, or not shown by the view.
      await addPendingDeletions(context.database, context.lease, source.name, "key", missing);
    }
    cursor = page.cursor;
    if (cursor !== null) {
      const saved: DeltaCursor = { kind: "delta", at: cursor, acknowledged: await writer.seal() };
      await saveCursor(context.database, context.lease, source.name, saved);
    }
  } while (cursor !== null);
  await collectDeletions(run, watermark);
}

/** Turns recorded deletions into pending ones, where the key does not exist (any more). */
async function collectDeletions(run: MirrorRun, watermark: Snapshot): Promise<void> {
  const { context, source, reader } = run;
  let afterId = "0";
  for (;;) {
    context.signal.throwIfAborted();
    const records = await readDeletions(
      context.database,
      source.tracking!.id,
      watermark,
      afterId,
      keysPerPage(context.settings),
    );
    if (records.length === 0) return;
    const keys = [...new Set(records.map((record) => record.key))];
    const living = await reader.existing(keys);
    const gone = keys.filter((key) => !living.has(key));
    await addPendingDeletions(context.database, context.lease, source.name, "key", gone);
    afterId = records.at(-1)!.id;
  }
}
