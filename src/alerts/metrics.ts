import { rename, writeFile } from "node:fs/promises";
import { Gauge, Registry } from "prom-client";
import type { RunReport, TableReport } from "../model/report.js";
import type { LastOutcome } from "./last-outcome.js";

/** Of a table's last run, each kind a label. */
const COUNTS = ["read", "inserted", "updated", "unchanged", "deleted", "rejected", "heldBack"] as const;
const LABELS: Record<(typeof COUNTS)[number], string> = {
  read: "read",
  inserted: "inserted",
  updated: "updated",
  unchanged: "unchanged",
  deleted: "deleted",
  rejected: "set_aside",
  heldBack: "held_back",
};

export interface MetricsOptions {
  deployment: string;
  outcome: LastOutcome;
  /** Null where the run failed before there was one. */
  report: RunReport | null;
}

/** What is known of a deployment after a run, as Prometheus reads it. */
async function renderMetrics({ deployment, outcome, report }: MetricsOptions): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ deployment });
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `datahub_sync_${name}`, help, labelNames, registers: [registry] });
  const seconds = (iso: string) => Date.parse(iso) / 1000;

  gauge("last_run_timestamp_seconds", "When the last run ended.").set(seconds(outcome.at));
  gauge("last_run_exit_code", "What the last run exited with; 0 is done.").set(outcome.exitCode);
  if (outcome.succeededAt !== null)
    gauge("last_success_timestamp_seconds", "When a run last exited with 0.").set(
      seconds(outcome.succeededAt),
    );
  const watermark = gauge(
    "watermark_timestamp_seconds",
    "Everything that had committed in Postgres by then is in the mirror.",
    ["table"],
  );
  for (const [table, at] of Object.entries(outcome.watermarks)) watermark.set({ table }, seconds(at));
  if (report !== null) addRun(gauge, report);
  return registry.metrics();
}

function addRun(
  gauge: <Label extends string>(name: string, help: string, labelNames?: Label[]) => Gauge<Label>,
  { tables, totals, durationMs }: RunReport,
): void {
  gauge("last_run_duration_seconds", "How long the last run took.").set(durationMs / 1000);
  gauge("last_run_calls", "Calls to Convex, retries included.").set(totals.calls);
  gauge("last_run_retries", "Calls to Convex that were repeated.").set(totals.retries);
  gauge("last_run_sent_bytes", "Bytes of request bodies sent to Convex.").set(totals.bytesSent);
  const io = gauge("last_run_io_bytes", "Database I/O that Convex bills for the last run.", ["direction"]);
  io.set({ direction: "read" }, totals.bytesRead);
  io.set({ direction: "written" }, totals.bytesWritten);
  const rows = gauge("last_run_rows", "Rows of the last run, by what became of them.", ["table", "result"]);
  const took = gauge("last_run_table_seconds", "How long a table took.", ["table"]);
  const failed = gauge("last_run_table_failed", "1 where a table's run failed.", ["table"]);
  for (const table of tables) {
    addRows(rows, table);
    took.set({ table: table.table }, table.durationMs / 1000);
    failed.set({ table: table.table }, table.outcome === "done" ? 0 : 1);
  }
}

function addRows(rows: Gauge<"table" | "result">, table: TableReport): void {
  for (const count of COUNTS) rows.set({ table: table.table, result: LABELS[count] }, table[count]);
}

/** As a whole: whoever reads it meanwhile reads the old one or the new one. */
export async function writeMetrics(file: string, options: MetricsOptions): Promise<void> {
  await writeFile(`${file}.new`, await renderMetrics(options));
  await rename(`${file}.new`, file);
}
