import { EXIT, type ExitCode } from "../model/errors.js";
import type { CallMeter } from "../sink/convex-transport.js";
import type { Notice, RunMode, RunReport, TableCounts, TableReport } from "../model/report.js";

const NO_COUNTS: TableCounts = {
  read: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  rejected: 0,
  heldBack: 0,
  calls: 0,
  retries: 0,
  bytesSent: 0,
  bytesRead: 0,
  bytesWritten: 0,
};

/** The report of a table that no row was moved of. */
export function notRun(table: string, mode: RunMode): TableReport {
  return {
    table,
    mode,
    firstLoad: false,
    ...NO_COUNTS,
    outcome: "not-run",
    durationMs: 0,
    watermark: { position: null, at: null },
    tracking: null,
    waiting: [],
    notices: [],
  };
}

/** The report of a table that another run brings up to date. */
export function busyTable(
  table: string,
  mode: RunMode,
  { holder, acquiredAt }: { holder: string; acquiredAt: string },
): TableReport {
  const message = `Another run works on it: ${holder}, since ${acquiredAt}.`;
  return { ...notRun(table, mode), outcome: "busy", notices: [{ code: "MIRROR_BUSY", message }] };
}

/** What one run is, beside its tables. */
export interface RunFrame {
  mode: RunMode;
  runId: string;
  startedAtMs: number;
  finishedAtMs: number;
  /** Calls for all mirrors together, which are in the totals and in no table's counts. */
  shared: CallMeter;
  notices: Notice[];
}

/** Adds the tables up, and decides the exit code. */
export function summarise(
  tables: TableReport[],
  { startedAtMs, finishedAtMs, shared, ...frame }: RunFrame,
): RunReport {
  const totals = { ...NO_COUNTS, ...shared };
  for (const table of tables) {
    for (const name of Object.keys(totals) as (keyof TableCounts)[]) totals[name] += table[name];
  }
  const exitCode = exitCodeOf(tables, totals);
  return {
    ok: exitCode === EXIT.done,
    ...frame,
    startedAt: new Date(startedAtMs).toISOString(),
    finishedAt: new Date(finishedAtMs).toISOString(),
    durationMs: finishedAtMs - startedAtMs,
    exitCode,
    tables,
    totals,
  };
}

/** A failure outweighs deletions held back, which outweigh what is not mirrored, which outweighs what another run does. */
function exitCodeOf(tables: TableReport[], totals: TableCounts): ExitCode {
  if (tables.some(({ outcome }) => outcome === "failed" || outcome === "not-run")) return EXIT.failed;
  if (totals.heldBack > 0) return EXIT.deletionsHeldBack;
  const incomplete = tables.some(({ waiting, tracking }) => waiting.length > 0 || tracking === "unmended");
  if (incomplete || totals.rejected > 0) return EXIT.incomplete;
  return tables.some(({ outcome }) => outcome === "busy") ? EXIT.leaseHeld : EXIT.done;
}
