import type { Clock } from "../model/clock.js";
import type { SyncConfig } from "../model/config.js";
import { SyncError } from "../model/errors.js";
import type { RunReport, RunSummary } from "../model/report.js";
import type { Database } from "../postgres/database.js";
import { findTargetId } from "../state/read-leases.js";
import { findRuns, readRuns } from "../state/run-history.js";
import { openDatabase } from "../sync/open-database.js";
import { openSource } from "../sync/open-source.js";

export interface RunsOptions {
  config: SyncConfig;
  clock: Clock;
  signal: AbortSignal;
}

/** The latest runs of the deployment, newest first, from Postgres alone. */
export function listRuns(options: RunsOptions & { limit: number }): Promise<RunSummary[]> {
  return withHistory(options, async (database, targetId) =>
    targetId === null ? [] : readRuns(database, targetId, options.limit),
  );
}

/**
 * The report of one run.
 * @param id its name, or the beginning of it
 * @throws SyncError USAGE where there is none, or more than one
 */
export function showRun(options: RunsOptions & { id: string }): Promise<RunReport> {
  return withHistory(options, async (database, targetId) => {
    const found = targetId === null ? [] : await findRuns(database, targetId, options.id);
    const [run] = found;
    if (run !== undefined && found.length === 1) return run;
    throw new SyncError({
      code: "USAGE",
      message:
        run === undefined
          ? `No run is called ${options.id}.`
          : `More than one run begins with ${options.id}.`,
      remedy: "`datahub-sync runs` lists the latest.",
    });
  });
}

async function withHistory<Result>(
  { config, clock, signal }: RunsOptions,
  read: (database: Database, targetId: number | null) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  try {
    await openSource(database);
    return await read(database, await findTargetId(database, config.target));
  } finally {
    await database.close();
  }
}
