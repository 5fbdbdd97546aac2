import type { KeyHash, KeySize } from "../source/table-reader.js";
import { addPendingDeletions, forgetUnconfirmedDeletions } from "../state/pending-deletions.js";
import { readRejectedRows, forgetRejectedRows } from "../state/rejected-rows.js";
import { mergeByKey } from "./merge-by-key.js";
import type { MirrorRun } from "./mirror-run.js";
import { hashesPerPage, keysPerPage } from "./page-sizes.js";
import { readAhead } from "./read-ahead.js";

/**
 * Compares all keys and content hashes with the ledger. Only differences are read and sent: content that is equal
 * after TRUNCATE and reload costs the listing alone. What is in the ledger and not in the relation becomes a pending
 * deletion.
 * @returns how many entries the ledger had
 */
export async function compareAll(run: MirrorRun): Promise<number> {
  const { context, source, writer } = run;
  const { database, lease } = context;
  let differing: KeySize[] = [];
  let gone: string[] = [];
  const flush = async (): Promise<void> => {
    gone.push(...(await writer.sendRows(differing)));
    await writer.checkpoint();
    await addPendingDeletions(database, lease, source.name, "key", gone);
    differing = [];
    gone = [];
  };

  const flushAt = keysPerPage(context.settings);
  let compared = 0;
  let listed = 0;
  writer.onRead = () => {}; // progress is in keys compared, not in rows read
  for await (const { key, left, right } of mergeByKey(list(relationPages(run)), list(ledgerPages(run)))) {
    if (right !== null) listed += 1;
    if (left === null) gone.push(key);
    else if (left.hash !== right?.hash) differing.push({ key, bytes: 0 });
    if (differing.length + gone.length >= flushAt) await flush();
    if (++compared % flushAt === 0) context.listener.tableProgress(source.name, compared);
  }
  await flush();
  await forgetUnconfirmedDeletions(database, lease, source.name, "key");
  await forgetOldRejections(run);
  return listed;
}

/** Entries of the ledger, counted one by one: where the mirror's own count is wrong. */
export async function countLedger(run: MirrorRun): Promise<number> {
  let entries = 0;
  for await (const page of readAhead(ledgerPages(run))) entries += page.length;
  return entries;
}

/** Both sides list their next page while the last one is being compared: their answers take longer than that does. */
async function* list(pages: AsyncIterable<KeyHash[]>): AsyncGenerator<KeyHash> {
  for await (const page of readAhead(pages)) yield* page;
}

async function* relationPages({ context, reader }: MirrorRun): AsyncGenerator<KeyHash[]> {
  const limit = hashesPerPage(context.settings);
  let after: string | null = null;
  for (;;) {
    context.signal.throwIfAborted();
    const page: KeyHash[] = await reader.keyHashes(after, limit);
    yield page;
    if (page.length < limit) return;
    after = page.at(-1)!.key;
  }
}

async function* ledgerPages({ context, source }: MirrorRun): AsyncGenerator<KeyHash[]> {
  const { sink, signal, deadlineAt } = context;
  const limit = hashesPerPage(context.settings);
  let after: string | null = null;
  for (;;) {
    const page = await sink.listLedger({ table: source.name, after, limit }, { signal, deadlineAt });
    yield page.entries;
    if (page.done) return;
    after = page.entries.at(-1)!.key;
  }
}

/**
 * A row that was set aside and is gone has no deletion to be noticed by: Convex never held it. One that is in the
 * mirror by now was mended by a run that crashed before it could say so.
 */
async function forgetOldRejections({ context, source, reader }: MirrorRun): Promise<void> {
  const { database, lease, sink, signal, deadlineAt } = context;
  const limit = hashesPerPage(context.settings);
  let after: string | null = null;
  for (;;) {
    const page = await readRejectedRows(database, lease.targetId, source.name, { after, limit });
    const keys = page.map((row) => row.key);
    const living = await reader.existing(keys);
    const gone = keys.filter((key) => !living.has(key));
    const mirrored = keys.length > 0 ? await sink.lookupKeys(source.name, keys, { signal, deadlineAt }) : [];
    await forgetRejectedRows(database, lease, source.name, [...gone, ...mirrored]);
    if (page.length < limit) return;
    after = keys.at(-1)!;
  }
}
