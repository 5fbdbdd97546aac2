import type { Clock } from "../../model/clock.js";
import type { SyncConfig } from "../../model/config.js";
import { EXIT, SyncError } from "../../model/errors.js";
import { shareSettings } from "../../model/share-settings.js";
import type { ProgressListener, RunMode, RunReport } from "../../model/report.js";
import type { Database } from "../../postgres/database.js";
import { openDatabase } from "../../sync/open-database.js";
import { openSource } from "../../sync/open-source.js";
import { runSync } from "../../sync/run-sync.js";
import { mergeReports } from "./merge-reports.js";
import { LongRuns } from "./long-runs.js";
import { lookForWork, type Look } from "./look.js";
import { longestRetryMs, PASSING, Retries } from "./retries.js";

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

/** The first pause between two looks. */
const FIRST_PAUSE_MS = 100;

/** Runs are kept in the history as one an hour, beside the rounds. */
const HISTORY_MS = 3_600_000;

/**
 * Mirrors what commits, until it is told to end: looks at the change log, more often the more happens, and runs for the mirrors
 * that have something to do. What takes long, first loads of new mirrors and comparisons, goes on beside that, and keeps no other
 * mirror waiting. Each run is one as from cron, with its leases, so that others may run in between; whatever fails is
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
  readonly #long: LongRuns;
  readonly #retries: Retries;
  #database: Database | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #lastRunAt = -Infinity;
  #lastRoundAt = -Infinity;
  #history: RunReport | null = null;
  #hasWorked = false;
  readonly #over = new AbortController();

  constructor(options: WatchOptions) {
    const { config, clock, times } = options;
    this.#options = {
      ...options,
      // Two runs at the same time take the memory of one.
      config: { ...config, settings: shareSettings(config.settings, 2) },
      signal: AbortSignal.any([options.signal, this.#over.signal]),
    };
    this.#retries = new Retries(clock);
    this.#long = new LongRuns({
      clock,
      fullEveryMs: times.fullEveryMs,
      run: (mode, names) => this.#run(mode, names, { isShown: true, isKept: true }),
      failed: options.failed,
      isFinal: (error) => this.#isFinal(error),
    });
  }

  async untilStopped(): Promise<void> {
    const { signal, failed } = this.#options;
    while (!signal.aborted) {
      try {
        this.#long.throwIfOver();
        await this.#step();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SyncError) || this.#isFinal(error)) throw error;
        // The driver's client may have gone with what failed.
        await this.#closeDatabase();
        const againInMs = this.#retries.next(longestRetryMs(error));
        failed(error, againInMs);
        await this.#sleep(againInMs);
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
    this.#over.abort(watchOver());
    await this.#long.ended();
    await this.#closeDatabase();
  }

  async #closeDatabase(): Promise<void> {
    const database = this.#database;
    this.#database = null;
    await database?.close();
  }

  /** One look, and what follows from it. */
  async #step(): Promise<void> {
    const { times, clock, idle } = this.#options;
    const isRound = clock.now() - this.#lastRoundAt >= times.roundEveryMs;
    const look = await this.#look(isRound);
    const isNew = look.unloaded.length === look.free.length;
    // Where nothing is loaded yet, there is nothing that a load would keep waiting.
    if (!isRound || !isNew) this.#long.begin(look);
    const mine = (names: readonly string[]) => names.filter((name) => !this.#long.names.includes(name));
    if (isRound) return this.#round(mine(isNew ? look.free : without(look.free, look.unloaded)));
    const pending = mine(look.pending);
    if (pending.length === 0) {
      this.#retries.reset();
      await idle?.();
      await this.#sleep(this.#pauseMs);
      this.#pauseMs = Math.min(times.idlePauseMs, 2 * this.#pauseMs);
      return;
    }
    this.#pauseMs = Math.min(FIRST_PAUSE_MS, times.idlePauseMs);
    await this.#sleep(this.#lastRunAt + times.minIntervalMs - clock.now());
    this.#lastRunAt = clock.now();
    await this.#run("delta", pending, { isShown: false, isKept: false });
  }

  /** All mirrors that are loaded, and no run works on: it mends tracking, purges the log, compares what cannot be tracked. */
  async #round(names: readonly string[]): Promise<void> {
    const { clock } = this.#options;
    this.#lastRunAt = clock.now();
    try {
      if (names.length > 0) await this.#run("delta", names, { isShown: true, isKept: true });
    } catch (error) {
      // The others have been run, and wait for the next round; this one is looked at like any that has something to do.
      if (error instanceof SyncError && error.table !== undefined) this.#lastRoundAt = clock.now();
      throw error;
    }
    this.#lastRoundAt = clock.now();
  }

  /** @param how `isKept`: in the history by itself; else it is part of its hour's run */
  async #run(
    mode: RunMode,
    names: readonly string[],
    { isShown, isKept }: { isShown: boolean; isKept: boolean },
  ): Promise<void> {
    const { config, clock, signal, progress, around = (run) => run() } = this.#options;
    const run = () =>
      runSync({
        ...{ mode, progress, clock, signal, allowDeletes: [], takeOver: false },
        config: { ...config, mirrors: config.mirrors.filter(({ name }) => names.includes(name)) },
        ...(!isKept && { toHistory: (report: RunReport) => this.#merge(report) }),
      });
    const report = await around(run, isShown);
    this.#hasWorked = true;
    if (report.ok) this.#retries.reset();
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

  async #look(withFree: boolean): Promise<Look> {
    const { config, clock, signal } = this.#options;
    if (this.#database === null) {
      this.#database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
      await openSource(this.#database);
    }
    const mirrors = config.mirrors.map(({ name }) => name);
    const asked = { withFree, notOldest: this.#long.failing };
    return lookForWork(this.#database, { target: config.target, mirrors }, asked);
  }

  /** Ends early, and without an error, where the watch is to end. */
  async #sleep(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    if (ms > 0) await clock.sleep(ms, signal).catch(() => {});
  }
}

function watchOver(): SyncError {
  return new SyncError({
    code: "INTERRUPTED",
    message: "The watch has ended.",
    remedy: "Nothing is lost: the next run goes on where this one stopped.",
  });
}

function without(names: readonly string[], others: readonly string[]): string[] {
  return names.filter((name) => !others.includes(name));
}
