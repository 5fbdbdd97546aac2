import { readRejectedRows } from "../state/rejected-rows.js";
import type { MirrorRun } from "./mirror-run.js";
import { hashesPerPage } from "./page-sizes.js";

/**
 * A row that was set aside and is gone has no deletion to be noticed by: Convex never held it. One that is in the
 * mirror by now was mended by a run that crashed before it could say so.
 */
export async function forgetOldRejections({ context, source, reader }: MirrorRun): Promise<void> {
  const { database, effects, lease, sink, signal, deadlineAt } = context;
  const limit = hashesPerPage(context.settings);
  let after: string | null = null;
  for (;;) {
    const page = await readRejectedRows(database, lease.targetId, source.name, { after, limit });
    const keys = page.map((row) => row.key);
    const living = await reader.existing(keys);
    const gone = keys.filter((key) => !living.has(key));
    const mirrored =
      keys.length > 0 ? await sink.lookupKeys(source.name, keys, { signal, deadlineAt }) : new Map();
    await effects.forgetRejectedRows(source.name, [...gone, ...mirrored.keys()]);
    if (page.length < limit) return;
    after = keys.at(-1)!;
  }
}
