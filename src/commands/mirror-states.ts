import type { HandshakeResult } from "../../convex/datahubSync/stateProtocol.js";
import type { SyncConfig } from "../model/config.js";
import type { ColumnShape } from "../model/encoding.js";
import { SyncError } from "../model/errors.js";
import type { Database } from "../postgres/database.js";
import { readOverview, type Overview } from "../state/read-overview.js";
import { readMemories } from "../state/read-state.js";
import type { MirrorSize } from "../sync/costs.js";
import { findWaiting, requireTracked } from "../sync/check-mirror.js";
import { lookAtMirrors } from "../sync/look-at-catalog.js";
import { leaveOut } from "../sync/ready-mirror.js";
import type { MirrorSurvey } from "../sync/survey.js";

/** One mirror as both sides have it, for commands that look and change nothing. */
export interface MirrorState extends MirrorSurvey {
  /** Why the next run of it would be refused; null also where `looked` says why. */
  problem: SyncError | null;
  /** Columns that wait for a deploy. */
  waiting: ColumnShape[];
}

export interface ReadMirrorStates {
  database: Database;
  /** Of all mirrors of the configuration, in its order. */
  handshake: Promise<HandshakeResult>;
  config: SyncConfig;
  signal: AbortSignal | undefined;
}

/** No deployment has this id. */
const NO_TARGET = 0;

/** What both sides say of all mirrors; Postgres is asked while the deployment answers. */
export async function readMirrorStates({
  database,
  handshake,
  config,
  signal,
}: ReadMirrorStates): Promise<{ overview: Overview; states: MirrorState[] }> {
  // Both are waited for, also where one fails: nothing is to go on behind the caller's back.
  const [shaken, asked] = await Promise.allSettled([handshake, readMemory(database, config)]);
  if (shaken.status === "rejected") throw shaken.reason;
  if (asked.status === "rejected") throw asked.reason;
  const { overview, memories, looked } = asked.value;
  const states: MirrorState[] = [];
  for (const [place, mirror] of config.mirrors.entries()) {
    signal?.throwIfAborted();
    const survey: MirrorSurvey = {
      config: mirror,
      handshake: shaken.value.mirrors[place]!,
      memory: memories.get(mirror.name)!,
      looked: looked[place]!,
    };
    states.push({ ...survey, ...(await findProblem(database, config.target, survey)) });
  }
  return { overview, states };
}

/** As runs read these mirrors: columns that wait concern no delta. */
export async function leaveOutWaiting(database: Database, states: readonly MirrorState[]): Promise<void> {
  const waiting = states.filter((state) => state.waiting.length > 0);
  if (waiting.length === 0) return;
  const configs = waiting.map(({ config, waiting: columns }) =>
    leaveOut(
      config,
      columns.map(({ name }) => name),
    ),
  );
  const looked = await lookAtMirrors(database, configs);
  waiting.forEach((state, place) => (state.looked = looked[place]!));
}

/** What the mirror takes in the deployment, for an estimate. */
export function sizeOf({ config, handshake, memory }: MirrorState): MirrorSize {
  const { rows, indexes } = handshake;
  return { name: config.name, rows, indexes: indexes.length, sizes: memory.record?.sizes ?? null };
}

async function readMemory(database: Database, { mirrors, target }: SyncConfig) {
  const overview = await readOverview(database, target);
  const names = mirrors.map(({ name }) => name);
  return {
    overview,
    memories: await readMemories(database, overview.targetId ?? NO_TARGET, names),
    looked: await lookAtMirrors(database, mirrors),
  };
}

async function findProblem(
  database: Database,
  target: string,
  { looked, handshake, memory }: MirrorSurvey,
): Promise<Pick<MirrorState, "problem" | "waiting">> {
  if (looked instanceof SyncError) return { problem: null, waiting: [] };
  try {
    await requireTracked({ database, target }, looked, memory.record);
    return { problem: null, waiting: findWaiting(looked, handshake, memory.record) };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { problem: error, waiting: [] };
  }
}
