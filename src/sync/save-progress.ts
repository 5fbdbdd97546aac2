import type { Acknowledged } from "./agreement.js";
import type { MirrorRun } from "./mirror-run.js";

/**
 * Writes down that everything up to the cursor is acknowledged. What was read from other partitions than the run began
 * with is known to this process alone, so it is written with it: nobody may go on from there.
 */
export async function saveProgress(
  { effects, source, reader }: MirrorRun,
  cursor: Acknowledged,
): Promise<void> {
  const seen = reader.sawOtherPartitions ? { ...source.sight, unsteady: true } : undefined;
  await effects.saveCursor(cursor, seen);
}
