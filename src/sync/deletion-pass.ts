import {
  countPendingDeletions,
  readPendingDeletions,
  removePendingDeletions,
  type DeletionKind,
} from "../state/pending-deletions.js";
import { extendCursor } from "../state/open-run.js";
import { forgetSetAside } from "../state/set-aside-rows.js";
import type { HeldMirror } from "../state/stored-mirror.js";
import type { Acknowledged } from "./agreement.js";
import { holdsBack } from "./deletion-guard.js";
import type { MirrorRun } from "./mirror-run.js";
import { readAhead } from "./read-ahead.js";
import type { DeletionOptions } from "./run-effects.js";

/**
 * Makes the pending deletions, behind the guard (invariant 8). Runs last: everything that was inserted counts.
 * @returns how many were held back
 */
export async function makeDeletions(
  run: MirrorRun,
  mirror: HeldMirror,
  options: DeletionOptions,
): Promise<number> {
  let due = await countPendingDeletions(mirror);
  if (due.key > 0) due = { ...due, key: due.key - (await dropLivingKeys(run, mirror)) };
  const shrinksTooMuch = (due: Due) =>
    holdsBack({
      documentsBefore: options.documentsBefore + due.document,
      inserted: run.writer.counts.inserted - run.writer.restored,
      deletions: due.key + due.document,
    });
  const removeStrangers = async () => {
    if (due.stranger > 0)
      await deletePending(run, mirror, "stranger", (ids) => run.writer.removeDocuments(ids));
  };
  if (!options.allowed && shrinksTooMuch(due)) {
    due = { ...due, key: due.key - (await dropUnknownKeys(run, mirror)) };
    if (shrinksTooMuch(due)) {
      if (options.strangersToo) await removeStrangers();
      return due.key + due.document + (options.strangersToo ? 0 : due.stranger);
    }
  }

  if (due.key > 0) await deletePending(run, mirror, "key", (keys) => run.writer.remove(keys));
  if (due.document > 0)
    await deletePending(run, mirror, "document", (ids) => run.writer.removeDocuments(ids));
  // What was there before the first load may be somebody else's: never without being told to.
  if (!options.allowed && !options.strangersToo) return due.stranger;
  await removeStrangers();
  return 0;
}

type Due = Record<DeletionKind, number>;

/**
 * A key that was deleted and lives again must not be deleted, however long ago the deletion was found.
 * @returns how many there were
 */
async function dropLivingKeys(run: MirrorRun, mirror: HeldMirror): Promise<number> {
  let dropped = 0;
  for await (const keys of pendingPages(run, mirror, "key")) {
    const living = await run.reader.existing(keys);
    dropped += await forget(
      mirror,
      "key",
      keys.filter((key) => living.has(key)),
    );
  }
  return dropped;
}

/**
 * Rows that came and went between two runs, or were set aside and are gone: Convex does not hold them, so nothing would
 * shrink by their deletion.
 * @returns how many there were
 */
async function dropUnknownKeys(run: MirrorRun, mirror: HeldMirror): Promise<number> {
  let dropped = 0;
  for await (const keys of pendingPages(run, mirror, "key")) {
    const known = await run.convex.lookupKeys(keys);
    const unknown = keys.filter((key) => !known.has(key));
    await forgetSetAside(mirror, unknown);
    dropped += await forget(mirror, "key", unknown);
  }
  return dropped;
}

/**
 * Makes them page by page; Convex has nothing to do between the last call of one page and the first of the next, so
 * pages are as long as those of other lists of keys. Those that an earlier run found, and that were held back, are found by none again: before
 * they are forgotten, Postgres learns that Convex has acknowledged them.
 */
async function deletePending(
  run: MirrorRun,
  mirror: HeldMirror,
  kind: DeletionKind,
  remove: (keys: string[]) => Promise<void>,
): Promise<void> {
  for await (const keys of readAhead(pendingPages(run, mirror, kind))) {
    await remove(keys);
    await run.writer.checkpoint();
    const acknowledged: Acknowledged = { acknowledged: await run.writer.seal() };
    await extendCursor(mirror, { ...acknowledged });
    await forget(mirror, kind, keys);
  }
}

async function* pendingPages(
  { context }: MirrorRun,
  mirror: HeldMirror,
  kind: DeletionKind,
): AsyncGenerator<string[]> {
  const { settings, signal } = context;
  let after: string | null = null;
  for (;;) {
    signal.throwIfAborted();
    const keys = await readPendingDeletions(mirror, kind, after, settings.pageHashes);
    if (keys.length === 0) return;
    yield keys;
    after = keys.at(-1)!;
  }
}

/** @returns how many: all of them, as only the holder of the lease removes any */
async function forget(mirror: HeldMirror, kind: DeletionKind, keys: string[]): Promise<number> {
  await removePendingDeletions(mirror, kind, keys);
  return keys.length;
}
