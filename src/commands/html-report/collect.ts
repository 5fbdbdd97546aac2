import type { Clock } from "../../model/clock.js";
import type { SyncConfig } from "../../model/config.js";
import type { RunSummary, StatusReport } from "../../model/report.js";
import { listRuns } from "../read-runs.js";
import { readStatus } from "../read-status.js";

/** What the page shows. */
export interface PageData {
  status: StatusReport;
  /** Oldest first. */
  runs: RunSummary[];
  /** ISO 8601, UTC. */
  madeAt: string;
  series: Series;
}

/** One value a run, in the order of the runs. Null: not known. */
export interface Series {
  /** Seconds since the epoch: when each run began. */
  at: number[];
  /** Rows inserted, updated, deleted. */
  changed: (number | null)[][];
  seconds: (number | null)[];
  /** Bytes that Convex bills: read, written. */
  io: (number | null)[][];
  /** How old the oldest mirror had become when the run ended, in seconds. */
  lag: (number | null)[];
  /** Bytes stored, about: by the rows of then, at the sizes of now. */
  storage: (number | null)[];
}

export interface CollectOptions {
  config: SyncConfig;
  clock: Clock;
  signal: AbortSignal;
  /** How far back, in days. */
  days: number;
}

/** As many as are kept. */
const ALL_RUNS = 2_000;

export async function collectPage({ days, ...options }: CollectOptions): Promise<PageData> {
  const status = await readStatus(options);
  const now = options.clock.now();
  const all = await listRuns({ ...options, limit: ALL_RUNS });
  const since = now - days * 86_400_000;
  const newestFirst = all.filter(({ startedAt }) => Date.parse(startedAt) >= since);
  const runs = newestFirst.toReversed();
  return { status, runs, madeAt: new Date(now).toISOString(), series: toSeries(runs, status) };
}

export function toSeries(runs: readonly RunSummary[], { tables, costs }: StatusReport): Series {
  const each = <Value>(of: (run: RunSummary, place: number) => Value) => runs.map(of);
  // A first load changes everything, beside which nothing else would be seen.
  const unlessLoaded = (of: (run: RunSummary) => number) => each((run) => (run.loaded ? null : of(run)));
  return {
    at: each(({ startedAt }) => Date.parse(startedAt) / 1000),
    changed: (["inserted", "updated", "deleted"] as const).map((kind) =>
      unlessLoaded(({ totals }) => totals[kind]),
    ),
    seconds: unlessLoaded(({ durationMs }) => durationMs / 1000),
    io: (["bytesRead", "bytesWritten"] as const).map((kind) => unlessLoaded(({ totals }) => totals[kind])),
    lag: each(({ startedAt, durationMs }, place) => {
      const before = place === 0 ? null : runs[place - 1]!.watermarkAt;
      return before === null ? null : (Date.parse(startedAt) + durationMs - Date.parse(before)) / 1000;
    }),
    storage: storageOverTime(runs, tables, costs.storage),
  };
}

/** Backwards from now: each run tells by how many documents a table grew. */
function storageOverTime(
  runs: readonly RunSummary[],
  tables: StatusReport["tables"],
  { documents, ledger, indexes }: StatusReport["costs"]["storage"],
): (number | null)[] {
  const sum = (rows: ReadonlyMap<string, number>) => [...rows.values()].reduce((all, one) => all + one, 0);
  const rows = new Map(tables.map(({ table, rowsInMirror }) => [table, rowsInMirror ?? 0]));
  const rowsNow = sum(rows);
  if (rowsNow === 0) return runs.map(() => null);
  const perRow = (documents + ledger + indexes) / rowsNow;
  const backwards = runs.toReversed().map(({ grown }) => {
    const after = sum(rows) * perRow;
    for (const [table, by] of Object.entries(grown))
      if (rows.has(table)) rows.set(table, Math.max(0, rows.get(table)! - by));
    return after;
  });
  return backwards.toReversed();
}
