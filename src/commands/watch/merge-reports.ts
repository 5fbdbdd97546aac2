import type { RunReport, TableCounts, TableReport } from "../../model/report.js";

/** Two runs as one: for a history in which each of thousands of small runs would be a line. Notices are the later one's. */
export function mergeReports(earlier: RunReport, later: RunReport): RunReport {
  const tables = new Map(earlier.tables.map((table) => [table.table, table]));
  for (const table of later.tables) {
    const before = tables.get(table.table);
    tables.set(table.table, before === undefined ? table : mergeTables(before, table));
  }
  return {
    ...later,
    runId: earlier.runId,
    startedAt: earlier.startedAt,
    durationMs: earlier.durationMs + later.durationMs,
    tables: [...tables.values()],
    totals: addCounts(earlier.totals, later.totals),
  };
}

function mergeTables(earlier: TableReport, later: TableReport): TableReport {
  return {
    ...later,
    ...addCounts(earlier, later),
    // What is set aside and held back is a state, not an event.
    rejected: later.rejected,
    heldBack: later.heldBack,
    firstLoad: earlier.firstLoad || later.firstLoad,
    durationMs: earlier.durationMs + later.durationMs,
  };
}

function addCounts(a: TableCounts, b: TableCounts): TableCounts {
  return {
    read: a.read + b.read,
    inserted: a.inserted + b.inserted,
    updated: a.updated + b.updated,
    unchanged: a.unchanged + b.unchanged,
    deleted: a.deleted + b.deleted,
    rejected: b.rejected,
    heldBack: b.heldBack,
    calls: a.calls + b.calls,
    retries: a.retries + b.retries,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
  };
}
