import type { DeletionKind } from "../state/pending-deletions.js";
import type { MirrorRun } from "./mirror-run.js";

/**
 * Writes down deletions that a pass has found, for the end of the run, which makes them behind the guard.
 * @param foundBy the name of the pass, where it is not the run's
 */
export async function recordDeletions(
  run: MirrorRun,
  kind: DeletionKind,
  keys: readonly string[],
  foundBy?: string,
): Promise<void> {
  if (keys.length === 0) return;
  run.mayDelete = true;
  await run.effects.recordDeletions(run, kind, keys, foundBy);
}
