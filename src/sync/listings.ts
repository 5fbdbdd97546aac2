import type { KeyHash } from "../source/table-reader.js";
import type { Listings, MirrorRun } from "./mirror-run.js";
import { readAhead, startReading } from "./read-ahead.js";

/** (key, hash) of the relation behind a key, in the order of the owner's index. */
export async function* relationPages(
  { context, reader }: MirrorRun,
  from: string | null,
): AsyncGenerator<KeyHash[]> {
  const limit = context.settings.pageHashes;
  let after = from;
  for (;;) {
    context.signal.throwIfAborted();
    const page: KeyHash[] = await reader.keyHashes(after, limit);
    yield page;
    if (page.length < limit) return;
    after = page.at(-1)!.key;
  }
}

/** (key, hash) of the ledger behind a key, in the order of the keys' bytes. */
export async function* ledgerPages(
  { context, convex }: MirrorRun,
  from: string | null,
): AsyncGenerator<KeyHash[]> {
  const limit = context.settings.pageHashes;
  let after = from;
  for (;;) {
    const page = await convex.listLedger({ after, limit });
    yield page.entries;
    if (page.done) return;
    after = page.entries.at(-1)?.key ?? after;
  }
}

/** Asks for the first pages of both sides, before anybody compares them. */
export function startListing(run: MirrorRun): Listings {
  return { relation: startReading(relationPages(run, null)), ledger: startReading(ledgerPages(run, null)) };
}

/** Entries of the ledger, counted one by one: where the mirror's own count is wrong. */
export async function countLedger(run: MirrorRun): Promise<number> {
  let entries = 0;
  for await (const page of readAhead(ledgerPages(run, null))) entries += page.length;
  return entries;
}
