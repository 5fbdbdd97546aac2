import type { ChangeCursor, ChangeRange } from "../source/change-log.js";
import type { Acknowledged } from "./agreement.js";
import type { FirstPage, MirrorRun } from "./mirror-run.js";
import { RecentKeys } from "./recent-keys.js";
import { recordDeletions } from "./record-deletions.js";
import { saveProgress } from "./save-progress.js";

/** Where an interrupted delta goes on: all changes up to here are acknowledged. */
export interface DeltaCursor extends Acknowledged {
  kind: "delta";
  at: ChangeCursor;
  strays: number;
}

/**
 * Sends the rows whose keys were logged in the range. A row is read after the range's end was fixed, so that once is
 * enough, however often it was touched. A key that is not there (any more), or that the view does not show, is a deletion.
 * @param straysBefore of the pages before `from`
 * @returns how many more rows were new to Convex than keys came or went: none, unless its ledger has lost entries
 */
export async function sendChanges(
  run: MirrorRun,
  range: ChangeRange,
  from: ChangeCursor | null,
  straysBefore = 0,
): Promise<number> {
  const { context, writer } = run;
  const options = { onRead: run.progress };
  const recent = new RecentKeys();
  let cursor = from;
  let strays = straysBefore;
  let ahead = from === null ? run.ahead : null;
  run.ahead = null;
  do {
    context.signal.throwIfAborted();
    const { page, chunks } = ahead ? await ahead : { page: await readPage(run, range, cursor), chunks: null };
    ahead = null;
    const insertedBefore = writer.counts.inserted;
    run.changes.read += page.entries;
    run.changes.timestamps += page.timestamps;
    const keys = recent.keepNew(page.keys);
    const missing = await (chunks === null
      ? writer.sendRows(keys, options)
      : writer.sendChunks(chunks, options));
    if (page.cursor === null) run.onAllRead();
    await writer.checkpoint();
    strays += writer.counts.inserted - insertedBefore - page.cameOrWent;
    await recordDeletions(run, "key", missing);
    cursor = page.cursor;
    if (cursor !== null) {
      const saved: DeltaCursor = { kind: "delta", at: cursor, strays, acknowledged: await writer.seal() };
      await saveProgress(run, saved);
    }
  } while (cursor !== null);
  return strays;
}

/** Begins to read what a delta sends first. */
export function readFirstPage(run: MirrorRun, range: ChangeRange): Promise<FirstPage> {
  return readPage(run, range, null).then((page) => ({ page, chunks: run.writer.startReading(page.keys) }));
}

function readPage({ log, context }: MirrorRun, range: ChangeRange, cursor: ChangeCursor | null) {
  return log.page(range, cursor, context.settings.pageKeys);
}
