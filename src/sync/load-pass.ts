import type { Acknowledged } from "./agreement.js";
import { forgetOldSetAside } from "./forget-set-aside.js";
import type { MirrorRun } from "./mirror-run.js";
import { recordDeletions } from "./record-deletions.js";
import { saveProgress } from "./save-progress.js";

/** Where an interrupted first load goes on: everything up to this key is acknowledged. */
export interface LoadCursor extends Acknowledged {
  kind: "load";
  after: string | null;
}

/**
 * A first load: every row, in the order of an index, into an empty mirror. There is nothing to compare with, so no
 * hash is computed twice and the ledger is not listed; resumed, it goes on after the last page.
 */
export async function loadAll(run: MirrorRun, from: string | null): Promise<void> {
  const { context, reader, writer, progress } = run;
  let after = from;
  for (;;) {
    context.signal.throwIfAborted();
    const page = await reader.allKeys(after, context.settings.pageKeys);
    if (page.length === 0) break;
    const missing = await writer.sendRows(page, { onRead: progress });
    await writer.checkpoint();
    // Of a resumed load, the row may have been sent before it went.
    await recordDeletions(run, "key", missing);
    after = page.at(-1)!;
    const cursor: LoadCursor = { kind: "load", after, acknowledged: await writer.seal() };
    await saveProgress(run, cursor);
  }
  // Of a load that had failed before it acknowledged anything.
  if (writer.hasSetAside) await forgetOldSetAside(run);
}
