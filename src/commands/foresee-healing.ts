import type { MirrorConfig } from "../model/config.js";
import { SyncError } from "../model/errors.js";
import { display } from "../catalog/mirror-refusal.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { mayTrack, wasTracked } from "../catalog/tracking.js";
import { NOBODYS, NOT_OURS, whatHappened } from "../sync/heal-tracking.js";
import type { Healing } from "../sync/run-effects.js";
import { resolveMirrors, resolveOne } from "../sync/look-at-catalog.js";
import { trackingMended, trackingUnmended } from "../sync/notices.js";
import type { RunContext } from "../sync/run-context.js";
import { claimColumns, siblingsOf } from "../sync/tracking-claim.js";

/** No table that is tracked has this id. */
const NEW_TRACKED_ID = -1;

/**
 * What would become of the tracking of a table that has drifted away from it. That other sessions may stand in the way
 * when it is tried cannot be foreseen; either way the run compares everything.
 */
export async function foreseeHealing(
  { database, allMirrors, target }: RunContext,
  config: MirrorConfig,
  source: MirrorSource,
): Promise<Healing> {
  const base = display(source.base);
  try {
    const all = await resolveMirrors(database, allMirrors);
    const { known, may } = await database.execute(`looking at the tracking of ${base}`, async (sql) => {
      const resolved = await resolveOne(sql, config);
      await claimColumns(sql, resolved, siblingsOf(resolved, all), target);
      return {
        known: source.tracking !== null || (await wasTracked(sql, resolved.base, target)),
        may: await mayTrack(sql, resolved.base.oid),
      };
    });
    if (!known) return { healed: false, notice: trackingUnmended(base, NOBODYS) };
    if (!may) return { healed: false, notice: trackingUnmended(base, NOT_OURS) };
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== "KEY_DISPUTED") throw error;
    return { healed: false, notice: trackingUnmended(base, `${error.message} ${error.remedy}`) };
  }
  return { healed: true, notice: trackingMended(base, whatHappened(source)), foresee: trackedAnew };
}

/** Tracked anew, it has another generation, or another id where it was not tracked under this one. */
function trackedAnew(source: MirrorSource): MirrorSource {
  const { id = NEW_TRACKED_ID, generation = 0 } = source.tracking ?? {};
  return {
    ...source,
    tracking: { id, generation: generation + 1, problem: null, isBehind: false },
    sight: { ...source.sight, trackedId: id, generation: generation + 1 },
  };
}
