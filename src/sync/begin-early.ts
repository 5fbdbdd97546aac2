import { parseSnapshot } from "../model/snapshot.js";
import { readFirstPage } from "./delta-pass.js";
import { startListing } from "./listings.js";
import type { MirrorRun } from "./mirror-run.js";
import type { MirrorTask } from "./mirror-task.js";

/**
 * Begins to read what a mirror's run needs first, while the mirror before it waits for answers. Both sides know of its run
 * by then, so whatever is read is as new as if it were read in its turn; one page of each side is kept until then.
 */
export function beginEarly({ run, fit, planned }: MirrorTask): void {
  if (run === null) return;
  const { work } = planned!.plan;
  if (work.kind === "delta" && work.cursor === null && run.ahead === null) {
    run.ahead = readFirstPage(run, { since: work.watermark, until: parseSnapshot(planned!.snapshot) });
    run.ahead.catch(() => {}); // the pass hears of it
  }
  if (work.kind === "compare" && work.from === null && fit!.source.keyOrder === "bytes") {
    run.listings ??= startListing(run);
  }
}

/** Lets what was begun and is not wanted any more come to its end: nothing is to go on behind the caller's back. */
export async function dropBegun(run: MirrorRun): Promise<void> {
  const { ahead, listings } = run;
  run.ahead = null;
  run.listings = null;
  if (ahead !== null) await ahead.then(({ chunks }) => close(chunks), ignore);
  if (listings !== null) await Promise.all([close(listings.relation), close(listings.ledger)]);
}

async function close(begun: AsyncIterable<unknown>): Promise<void> {
  const iterator = begun[Symbol.asyncIterator]();
  await iterator.next().catch(ignore);
  await iterator.return?.().catch(ignore);
}

/** Nobody asks for it any more, and what is wrong with either side has been said. */
const ignore = (): void => {};
