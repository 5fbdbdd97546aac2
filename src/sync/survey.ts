import type { MirrorHandshake } from "../../convex/datahubSync/stateProtocol.js";
import type { MirrorConfig } from "../model/config.js";
import type { SyncError } from "../model/errors.js";
import type { MirrorSource } from "../model/mirror-source.js";
import { readMemories, type MirrorMemory } from "../state/read-state.js";
import { lookAtMirrors } from "./look-at-catalog.js";
import type { RunContext } from "./run-context.js";

/** What both sides say of a mirror before anything is decided. */
export interface MirrorSurvey {
  config: MirrorConfig;
  /** What Convex says. */
  handshake: MirrorHandshake;
  /** What Postgres remembers. */
  memory: MirrorMemory;
  /** What the catalog says, or why the mirror cannot be run. */
  looked: MirrorSource | SyncError;
}

/** Asks both sides at once, about all mirrors at once: one call, and one statement for each of the two. */
export async function surveyMirrors(
  context: RunContext,
  configs: readonly MirrorConfig[],
): Promise<MirrorSurvey[]> {
  const { database, sink, lease, signal, deadlineAt } = context;
  const names = configs.map(({ name }) => name);
  const ofPostgres = async () => ({
    memories: await readMemories(database, lease.targetId, names),
    looked: await lookAtMirrors(database, configs),
  });
  // Both are waited for, also where one fails: nothing is to go on behind the caller's back.
  const [shaken, read] = await Promise.allSettled([
    sink.handshake(names, { signal, deadlineAt }),
    ofPostgres(),
  ]);
  if (shaken.status === "rejected") throw shaken.reason;
  if (read.status === "rejected") throw read.reason;
  const handshakes = new Map(shaken.value.mirrors.map((handshake) => [handshake.table, handshake]));
  const { memories, looked } = read.value;
  return configs.map((config, place) => ({
    config,
    handshake: handshakes.get(config.name)!,
    memory: memories.get(config.name)!,
    looked: looked[place]!,
  }));
}
