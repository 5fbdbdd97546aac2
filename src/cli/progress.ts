import type { SyncError } from "../model/errors.js";
import type { ProgressListener, TableReport } from "../model/report.js";
import type { CliLog } from "./logging/create-log.js";
import type { BarState, Screen } from "./logging/screen.js";
import { renderCauses } from "./render/failure.js";
import { showCount, showDuration, showNoun } from "./render/human.js";

export interface Progress extends ProgressListener {
  /** Takes the bar off the screen; called also when the run fails. */
  stop(): void;
}

/** Logs why a table failed, at the level of `--verbose`. */
export function logCauses(log: CliLog): (table: string, error: SyncError) => void {
  return (table, error) =>
    log.debug(["the error and its causes:", ...renderCauses(error)].join("\n"), { table });
}

/** Who follows a run while it goes on. */
export interface Onlooker {
  /** Shows a progress bar. */
  bar: boolean;
  /** Reads what happened when it is over, in the report: nothing is said twice. */
  later: boolean;
}

/**
 * A bar on a terminal, and lines for what begins, ends and deserves notice: for a person who watches, and otherwise in the
 * log's file. A first load, which may take hours, is said when it begins, whoever reads it.
 */
export function createProgress(log: CliLog, screen: Screen, { bar, later }: Onlooker): Progress {
  const say: CliLog["record"] = later ? log.record : (level, ...line) => log[level](...line);
  const bars = new Bars(screen);
  return {
    showsProgress: bar,
    tableStarted(table, work, expectedRows) {
      const expected = !expectedRows ? "" : `, about ${showNoun(expectedRows, "row")}`;
      const what = work === "first load" ? work : `${work} run`;
      const line = [`${what} started${expected}`, { table, work, expectedRows }] as const;
      if (later && work !== "first load") log.record("info", ...line);
      else log.routine(...line);
      if (bar) bars.start(table, expectedRows);
    },
    tableProgress(table, done) {
      if (bar) bars.advance(table, done);
    },
    tableFailed: logCauses(log),
    tableFinished(report) {
      const { table, outcome } = report;
      if (outcome === "not-run") return;
      const what = report.error === undefined ? describeCounts(report) : report.error.message;
      const line = `${outcome} in ${showDuration(report.durationMs)}: ${what}`;
      say(outcome === "failed" ? "error" : "info", line, fieldsOf(report));
      if (bar) bars.finish(table, report.read);
    },
    notice(table, { code, message }) {
      say("info", message, { ...(table !== null && { table }), code });
    },
    stop: () => screen.hideBar(),
  };
}

/** One bar for the tables that are worked on: of one by its name, of several by their number. */
class Bars {
  readonly #tables = new Map<string, { done: number; total: number | null }>();

  constructor(private readonly screen: Screen) {}

  start(table: string, total: number | null): void {
    this.#tables.set(table, { done: 0, total });
    this.#show();
  }

  advance(table: string, done: number): void {
    const state = this.#tables.get(table) ?? { total: null };
    this.#tables.set(table, { ...state, done });
    this.#show();
  }

  finish(table: string, rows: number): void {
    this.#tables.delete(table);
    if (this.#tables.size === 0) this.screen.showBar({ label: table, done: rows, total: rows });
    else this.#show();
  }

  #show(): void {
    const states = [...this.#tables.values()];
    const [first] = this.#tables.keys();
    const label = states.length === 1 ? first! : `${states.length} tables`;
    const done = states.reduce((sum, state) => sum + state.done, 0);
    const total = states.reduce<number | null>(
      (sum, state) => (sum === null || state.total === null ? null : sum + state.total),
      0,
    );
    this.screen.showBar({ label, done, total });
  }
}

/** The bar alone: what a dry run finds has not happened, and stands in its report. */
export function createForesight(log: CliLog, screen: Screen, bar: boolean): Progress {
  const silent = () => {};
  return createProgress({ ...log, error: silent, info: silent, routine: silent }, screen, {
    bar,
    later: false,
  });
}

const BAR_WIDTH = 24;

/** `sow_poles             [#######-----------------]  30 %  1,350 of 4,500 rows`. */
export function describeBar({ label, done, total }: BarState): string {
  if (total === null) return `${label.padEnd(20)}  ${showNoun(done, "row")}`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(share * BAR_WIDTH);
  const drawn = "#".repeat(filled).padEnd(BAR_WIDTH, "-");
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${label.padEnd(20)}  [${drawn}] ${percent} %  ${showCount(done)} of ${showNoun(total, "row")}`;
}

/** Only what happened: `12 read, 11 updated`. */
function describeCounts(report: TableReport): string {
  const { read, inserted, updated, unchanged, deleted, rejected, heldBack } = report;
  const parts = Object.entries({
    read,
    inserted,
    updated,
    unchanged,
    deleted,
    "set aside": rejected,
    "held back": heldBack,
  })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${showCount(count)} ${name}`);
  return parts.length === 0 ? "nothing to do" : parts.join(", ");
}

function fieldsOf(report: TableReport): Record<string, unknown> {
  const { notices: _notices, error, ...fields } = report;
  return error === undefined ? fields : { ...fields, error };
}
