import { sql } from "drizzle-orm";
import type { BeginRun, RunEnd } from "../../convex/datahubSync/runProtocol.js";
import type { Database } from "../../src/postgres/database.js";
import type { RunMode } from "../../src/model/report.js";
import type { ConvexSink, RunToken } from "../../src/sink/convex-sink.js";
import { TIMELINE } from "../../src/source/source-identity.js";
import { announceEnds, commitWatermarks, type ChangesRead } from "../../src/state/end-run.js";
import type { LeaseToken } from "../../src/state/lease.js";
import type { OpenRun } from "../../src/state/mirror-record.js";
import { openRuns, registerMirrors } from "../../src/state/open-run.js";

/** The steps of a run, which take any number of mirrors, for one. */
export function registerMirror(database: Database, token: LeaseToken, name: string, trackedId: number) {
  return registerMirrors(database, token, [{ name, trackedId }]);
}

/** @returns whether something was remembered of the mirror */
export async function openRun(
  database: Database,
  token: LeaseToken,
  name: string,
  trackedId: number,
  run: OpenRun,
  { voidWatermark = false } = {},
): Promise<boolean> {
  return (await openRuns(database, token, [{ name, trackedId, ...run, voidWatermark }])).has(name);
}

export async function announceEnd(
  database: Database,
  token: LeaseToken,
  name: string,
  end: { finalNonce: string; seen: unknown },
): Promise<void> {
  const ends = [{ name, ...end, opening: null }];
  throwFirst((await announceEnds(database, token, ends, sql.raw(TIMELINE))).refused);
}

export async function commitWatermark(
  database: Database,
  token: LeaseToken,
  name: string,
  end: { mode: RunMode; finalNonce: string; changes?: ChangesRead },
): Promise<void> {
  throwFirst(
    await commitWatermarks(database, token, [
      { name, changes: { read: 0, timestamps: 0 }, sizes: null, ...end },
    ]),
  );
}

export async function beginRun(sink: ConvexSink, { table, ...run }: BeginRun): Promise<void> {
  throwFirst(await sink.beginRuns({ ...run, tables: [table] }));
}

export async function finishRun(
  sink: ConvexSink,
  { table, epoch, nonce, fence }: RunToken,
  end: Omit<RunEnd, "table" | "fence" | "priorNonce">,
): Promise<void> {
  const ends = [{ table, fence, priorNonce: null, ...end }];
  throwFirst(await sink.finishRuns({ lineage: "source", epoch, nonce, ends }));
}

function throwFirst(refused: ReadonlyMap<string, Error>): void {
  for (const error of refused.values()) throw error;
}
