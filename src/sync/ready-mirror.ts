import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import type { MirrorConfig } from "../model/config.js";
import type { Notice, TableReport } from "../model/report.js";
import { display } from "../catalog/mirror-refusal.js";
import type { MirrorSource } from "../model/mirror-source.js";
import type { MirrorRecord } from "../state/mirror-record.js";
import { findWaiting, requireTracked } from "./check-mirror.js";
import { hasDrifted } from "./heal-tracking.js";
import { lookAtMirror } from "./look-at-catalog.js";
import { columnsWait, trackingUnmended } from "./notices.js";
import type { RunContext } from "./run-context.js";

/** A mirror as this run reads it. */
export interface ReadyMirror {
  source: MirrorSource;
  /** The configuration without the columns that wait. */
  config: MirrorConfig;
  tracking: NonNullable<TableReport["tracking"]>;
  waiting: string[];
  notices: Notice[];
  /** Of a dry run that would have mended the tracking: the source as it would be, from what the catalog says. */
  foresee?: ((source: MirrorSource) => MirrorSource) | undefined;
}

const ANOTHER = "By now it is another table than at the run's first look: the next run tries again.";
const STILL_DRIFTED = "It was mended, and is out of order again: the next run tries once more.";

/** Ignored, and not excluded: that one of them may be gone by the end of the run is no mistake. */
export function leaveOut(config: MirrorConfig, waiting: readonly string[]): MirrorConfig {
  return waiting.length === 0 ? config : { ...config, ignore: [...config.ignore, ...waiting] };
}

/**
 * Makes the source fit to be read: its tracking is mended where it has drifted, before the snapshot is taken, and columns
 * that the deployment has no fields for are left out. Neither stops the mirror.
 * @param looked what the catalog says of it
 * @throws SyncError NOT_TRACKED, TABLE_NOT_DEPLOYED, SCHEMA_LAGS
 */
export async function readyMirror(
  context: RunContext,
  config: MirrorConfig,
  looked: MirrorSource,
  { handshake, record }: { handshake: MirrorHandshake; record: MirrorRecord | null },
): Promise<ReadyMirror> {
  await requireTracked(context, looked, record);
  const waiting = findWaiting(looked, handshake, record);
  const names = () => waiting.map(({ name }) => name);
  const inspect = () => lookAtMirror(context.database, leaveOut(config, names()));
  /** Columns may have come since the first look: theirs would be documents that no field takes. */
  const lookAgain = async (): Promise<MirrorSource> => {
    for (;;) {
      const source = await inspect();
      const came = findWaiting(source, handshake, record);
      if (came.length === 0) return source;
      waiting.push(...came);
    }
  };
  const ready = (
    source: MirrorSource,
    tracking: ReadyMirror["tracking"],
    notices: Notice[],
  ): ReadyMirror => ({
    source,
    tracking,
    config: leaveOut(config, names()),
    waiting: names(),
    notices: waiting.length === 0 ? notices : [columnsWait(looked.name, waiting), ...notices],
  });
  if (!hasDrifted(looked)) {
    const source = waiting.length === 0 ? looked : await lookAgain();
    return ready(source, source.untrackable === null ? "intact" : "none", []);
  }
  const { healed, notice, foresee } = await context.effects.heal(config, looked);
  const now = await lookAgain();
  const source = foresee?.(now) ?? now;
  // Where every mirrored column is logged, what the triggers do not know yet concerns nobody.
  const isSound = source.tracking !== null && source.tracking.problem === null;
  if (!isSound) {
    const why = source.baseOid === looked.baseOid ? (healed ? STILL_DRIFTED : null) : ANOTHER;
    return ready(source, "unmended", [why === null ? notice : trackingUnmended(display(source.base), why)]);
  }
  return { ...ready(source, healed ? "mended" : "intact", healed ? [notice] : []), foresee };
}
