import type { SyncConfig } from "../../model/config.js";
import { EXIT, type ExitCode, type SyncError } from "../../model/errors.js";
import type { RunReport } from "../../model/report.js";
import type { Commands } from "../commands.js";
import { createProgress, type Progress } from "../progress.js";
import { showDuration } from "../render/human.js";
import { renderDatedReport } from "../render/run-report.js";
import type { Session } from "../session.js";
import type { SyncFlags } from "../sync.js";
import { failed, openAlerts, reported, tell, type Told } from "./watched-run.js";

/** As long as all is as it was, a monitor is told no more often than this. */
const TOLD_EVERY_MS = 300_000;

/** `sync --watch`: until it is stopped, which is how it is meant to end. */
export async function runWatch(
  flags: SyncFlags,
  session: Session,
  config: SyncConfig,
  commands: Commands,
): Promise<ExitCode> {
  const { context, log, screen, interactive, unattended } = session;
  const listener = createProgress(log, screen, { bar: interactive, later: unattended });
  const teller = new Teller(session, config);
  log.info(`watching ${config.mirrors.length} tables for ${config.convex.deployment}; Ctrl-C ends it`);
  await commands.watch({
    ...context,
    config,
    progress: withoutIdle(listener),
    times: {
      minIntervalMs: flags.minInterval * 1000,
      idlePauseMs: flags.idlePause * 1000,
      roundEveryMs: flags.roundEvery * 1000,
      fullEveryMs: flags.fullEvery * 1000,
    },
    around: async (run, isRound) => {
      const report = await run();
      const isNews = teller.isNews(reported(report));
      show(session, config, flags, report, isRound || (isNews && !report.ok));
      await teller.hear(reported(report));
      return report;
    },
    failed: (error: SyncError, againInMs) => {
      const again = `tried again in ${showDuration(againInMs)}`;
      // What is the same as before is in the log's file.
      if (teller.isNews(failed(error)))
        log.warn(`${error.message} ${error.remedy} It is ${again}.`, { code: error.code });
      else log.record("warn", `${error.message} ${again}`, { code: error.code });
      void teller.hear(failed(error));
    },
    idle: () => teller.hear(null),
  });
  listener.stop();
  await teller.idle();
  log.info("the watch has ended");
  return EXIT.done;
}

/**
 * The journal gets each run of all tables, and what needs somebody, once; a terminal has the lines of the tables already.
 * @param isForAll it is to be read by somebody
 */
function show(
  { log, print, unattended }: Session,
  { convex: { deployment } }: SyncConfig,
  flags: SyncFlags,
  report: RunReport,
  isForAll: boolean,
): void {
  log.record(report.ok ? "info" : "warn", "run ended", { report });
  if (flags.json || (unattended && isForAll))
    print(report, (paint) => renderDatedReport(report, deployment, paint));
}

/** Lines for tables that had something to do. */
function withoutIdle(progress: Progress): Progress {
  return {
    ...progress,
    tableStarted: (table, work, rows) => {
      if (work !== "delta") progress.tableStarted(table, work, rows);
    },
    tableFinished: (report) => {
      const { read, deleted, heldBack, rejected, outcome } = report;
      if (outcome !== "done" || read + deleted + heldBack + rejected > 0) progress.tableFinished(report);
    },
  };
}

/** Tells of what changed at once, and of what goes on now and then. */
class Teller {
  readonly #alerts;
  #last: Told | null = null;
  #toldAtMs = -Infinity;
  #telling: Promise<void> = Promise.resolve();

  constructor(
    private readonly session: Session,
    private readonly config: SyncConfig,
  ) {
    this.#alerts = openAlerts(session, config);
  }

  isNews(told: Told): boolean {
    return told.exitCode !== this.#last?.exitCode || told.error?.code !== this.#last.error?.code;
  }

  /** @param told null: nothing has happened, and all is as it was */
  async hear(told: Told | null): Promise<void> {
    const now = this.session.context.clock.now();
    const outcome = told ?? this.#afterQuiet();
    if (outcome === null) return;
    const isDue = now - this.#toldAtMs >= TOLD_EVERY_MS;
    if (!isDue && !this.isNews(outcome)) return;
    this.#last = outcome;
    this.#toldAtMs = now;
    // One after the other, and nobody waits for it: what commits meanwhile is mirrored.
    this.#telling = this.#telling.then(() => tell(this.session, this.config, this.#alerts, outcome));
    await Promise.resolve();
  }

  /** Nothing happened: what could not be reached is there again; what a report said is as it was. */
  #afterQuiet(): Told | null {
    if (this.#last === null || this.#last.error === null) return this.#last;
    return { exitCode: EXIT.done, text: "It is there again, and nothing waits.", report: null, error: null };
  }

  /** Resolves when all was told. */
  idle(): Promise<void> {
    return this.#telling;
  }
}
