import type { MirrorConfig } from "../model/config.js";
import { SyncError, type ErrorCode } from "../model/errors.js";
import { display } from "../catalog/mirror-refusal.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { healTable } from "../catalog/tracking.js";
import { resolveMirrors, resolveOne } from "./look-at-catalog.js";
import { trackingMended, trackingUnmended } from "./notices.js";
import type { RunContext } from "./run-context.js";
import type { Healing } from "./run-effects.js";
import { claimColumns, siblingsOf } from "./tracking-claim.js";

/** Failures that leave the table as it is, one for each thing that may forbid it; any other is the run's. */
const LEFT_ALONE: ReadonlySet<ErrorCode> = new Set([
  "PERMISSION_DENIED",
  "LOCK_TIMEOUT",
  "UPDATED_AT_DISPUTED",
  "KEY_DISPUTED",
  "NOT_TRACKABLE",
  // An event trigger of the owner's that raises, a hook of a hosting service.
  "DATABASE_FAILED",
]);

export const NOBODYS =
  "It was never tracked for this deployment: run `datahub-sync migrate`, as the table's owner.";

export const NOT_OURS =
  "This role may not mend that: run `datahub-sync migrate` as the table's owner, who has to own its partitions and the schema datahub_sync, too.";

/** Whether a table is not tracked as a run needs it. */
export function hasDrifted({ tracking, untrackable }: MirrorSource): boolean {
  if (untrackable !== null) return false;
  return tracking === null || tracking.problem !== null || tracking.isBehind;
}

/**
 * Tracks a table anew that has drifted away from its tracking (invariant 15): one table in one transaction, in one try,
 * with short locks, and never narrower than before. Where that fails, the run goes on by comparing, and says what to do.
 */
export async function healTracking(
  context: RunContext,
  config: MirrorConfig,
  source: MirrorSource,
): Promise<Healing> {
  const { database, allMirrors, target } = context;
  const base = display(source.base);
  try {
    const all = await resolveMirrors(database, allMirrors);
    const healed = await database.execute(
      `mending the tracking of ${base}`,
      async (sql) => {
        // By now the name may be another table's than at the look.
        const resolved = await resolveOne(sql, config);
        const claim = await claimColumns(sql, resolved, siblingsOf(resolved, all), target);
        return healTable(sql, resolved.base, claim);
      },
      { once: true },
    );
    if (!healed) return { healed, notice: trackingUnmended(base, NOBODYS) };
    return { healed, notice: trackingMended(base, whatHappened(source)) };
  } catch (error) {
    if (!(error instanceof SyncError) || !LEFT_ALONE.has(error.code)) throw error;
    return { healed: false, notice: trackingUnmended(base, whyNot(error)) };
  }
}

export function whatHappened({ tracking }: MirrorSource): string {
  if (tracking === null) return "it was dropped and created again, or swapped for another";
  return tracking.problem ?? "columns were added to it";
}

function whyNot({ code, message, remedy }: SyncError): string {
  if (code === "PERMISSION_DENIED") return NOT_OURS;
  if (code === "LOCK_TIMEOUT")
    return "Other sessions were altering, vacuuming or writing to it: the next run tries again.";
  return `${message} ${remedy}`;
}
