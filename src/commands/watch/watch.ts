import type { Clock } from "../../model/clock.js";
import type { SyncConfig } from "../../model/config.js";
import { EXIT, SyncError, type ErrorCode } from "../../model/errors.js";
import type { ProgressListener, RunMode, RunReport } from "../../model/report.js";
import type { Database } from "../../postgres/database.js";
import { openDatabase } from "../../sync/open-database.js";
import { openSource } from "../../sync/open-source.js";
import { runSync } from "../../sync/run-sync.js";
import { mergeReports } from "./merge-reports.js";
import { findPending } from "./pending-mirrors.js";

export interface WatchTimes {
  /** Between the beginnings of two runs, at least: what changes in between is one run's work. */
  minIntervalMs: number;
  /** Between two looks at the log, once nothing has happened for a while. */
  idlePauseMs: number;
  /** Between two runs of all mirrors, which mend tracking, purge the log, and compare what cannot be tracked. */
  roundEveryMs: number;
  /** Between two comparisons of everything. */
  fullEveryMs: number;
}

export interface WatchOptions {
  config: SyncConfig;
  times: WatchTimes;
  progress: ProgressListener;
  clock: Clock;
  /** Aborted when the watch is to end, which is how it is meant to. */
  signal: AbortSignal;
  /** Makes a run, and tells whoever is to hear how it went; by default, just makes it. */
  around?: (run: () => Promise<RunReport>, isRound: boolean) => Promise<RunReport>;
  /** Told of what failed and is tried again, and when. */
  failed: (error: SyncError, againInMs: number) => void;
  /** Told after each look that found nothing. */
  idle?: () => Promise<void>;
}

/** The first pause between two looks, and of a retry. */
const FIRST_PAUSE_MS = 100;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** Of what one table alone fails of, which seldom heals by itself: each try costs calls. */
const LONGEST_TABLE_RETRY_MS = 900_000;

/** What passes by itself, so that it is no reason not to begin. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  ...(["DATABASE_UNREACHABLE", "DATABASE_IN_RECOVERY", "DATABASE_FAILED", "LOCK_TIMEOUT"] as const),
  ...(["DEPLOYMENT_UNREACHABLE", "DEPLOYMENT_FAILED", "LEASE_HELD", "LEASE_LOST"] as const),
]);

/** Runs are kept in the history as one an hour, beside the rounds. */
const HISTORY_MS = 3_600_000;

/**
 * Mirrors what commits, until it is told to end: looks at the change log, more often the more happens, and runs for the mirrors
 * that have something to do. Each run is one as from cron, with its lease, so that others may run in between; whatever fails is
 * tried again, for as long as it takes.
 * @throws SyncError where waiting does not help: a usage or configuration error, and what lacks when it begins
 */
export async function watch(options: WatchOptions): Promise<void> {
  const watching = new Watching(options);
  try {
    await watching.untilStopped();
  } finally {
    await watching.close();
  }
}

class Watching {
  readonly #options: WatchOptions;
  #database: Database | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #retryMs = FIRST_RETRY_MS;
  #lastRunAt = -Infinity;
  #lastRoundAt = -Infinity;
  #history: RunReport | null = null;
  #hasWorked = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async untilStopped(): Promise<void> {
    const { signal, clock, failed } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SyncError) || this.#isFinal(error)) throw error;
        // The driver's client may have gone with what failed.
        await this.close();
        const againInMs = Math.round(this.#retryMs * (0.5 + clock.random()));
        failed(error, againInMs);
        await this.#sleep(againInMs);
        const longestMs = error.table === undefined ? LONGEST_RETRY_MS : LONGEST_TABLE_RETRY_MS;
        this.#retryMs = Math.min(longestMs, 2 * this.#retryMs);
      }
    }
  }

  /**
   * Once it has worked, everything may heal: a key is set again, a deploy follows. Whoever starts it for the first time is to hear at
   * once what lacks.
   */
  #isFinal({ code, exitCode, table }: SyncError): boolean {
    if (exitCode === EXIT.usage) return true;
    return !this.#hasWorked && table === undefined && !PASSING.has(code);
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    await database?.close();
  }

  /** One look, and what follows from it. */
  async #step(): Promise<void> {
    const { config, times, clock, idle } = this.#options;
    if (clock.now() - this.#lastRoundAt >= times.roundEveryMs) return this.#round();
    const names = config.mirrors.map(({ name }) => name);
    const { pending } = await findPending(await this.#open(), { target: config.target, mirrors: names });
    if (pending.length === 0) {
      this.#retryMs = FIRST_RETRY_MS;
      await idle?.();
      await this.#sleep(this.#pauseMs);
      this.#pauseMs = Math.min(times.idlePauseMs, 2 * this.#pauseMs);
      return;
    }
    this.#pauseMs = Math.min(FIRST_PAUSE_MS, times.idlePauseMs);
    await this.#sleep(this.#lastRunAt + times.minIntervalMs - clock.now());
    await this.#run("delta", pending);
  }

  /** All mirrors, and a comparison where that is due. */
  async #round(): Promise<void> {
    const { config, times, clock } = this.#options;
    const names = config.mirrors.map(({ name }) => name);
    const { oldestFullAt } = await findPending(await this.#open(), { target: config.target, mirrors: names });
    const isFullDue = oldestFullAt !== null && clock.now() - oldestFullAt >= times.fullEveryMs;
    try {
      await this.#run(isFullDue ? "full" : "delta", names, true);
    } catch (error) {
      // The others have been run, and wait for the next round; this one is looked at like any that has something to do.
      if (error instanceof SyncError && error.table !== undefined) this.#lastRoundAt = clock.now();
      throw error;
    }
    this.#lastRoundAt = clock.now();
  }

  async #run(mode: RunMode, names: readonly string[], isRound = false): Promise<void> {
    const { config, clock, signal, progress, around = (run) => run() } = this.#options;
    this.#lastRunAt = clock.now();
    const run = () =>
      runSync({
        ...{ mode, progress, clock, signal, allowDeletes: [], takeOver: false },
        config: { ...config, mirrors: config.mirrors.filter(({ name }) => names.includes(name)) },
        ...(!isRound && { toHistory: (report: RunReport) => this.#merge(report) }),
      });
    const report = await around(run, isRound);
    this.#hasWorked = true;
    if (report.ok) this.#retryMs = FIRST_RETRY_MS;
    const first = report.tables.find(({ error }) => error !== undefined);
    // It is still pending, and would be tried again at once.
    if (first?.error !== undefined) throw new SyncError({ ...first.error, table: first.table });
  }

  #merge(report: RunReport): RunReport {
    const before = this.#history;
    const isOver =
      before === null || Date.parse(report.startedAt) - Date.parse(before.startedAt) >= HISTORY_MS;
    this.#history = isOver ? report : mergeReports(before, report);
    return this.#history;
  }

  async #open(): Promise<Database> {
    const { config, clock, signal } = this.#options;
    if (this.#database === null) {
      this.#database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
      await openSource(this.#database);
    }
    return this.#database;
  }

  /** Ends early, and without an error, where the watch is to end. */
  async #sleep(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    if (ms > 0) await clock.sleep(ms, signal).catch(() => {});
  }
}
