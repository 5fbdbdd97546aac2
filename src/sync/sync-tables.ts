import type { MirrorHandshake } from "../../convex/datahubSyncProtocol.js";
import type { MirrorConfig } from "../config/types.js";
import { SyncError, type ErrorCode } from "../errors.js";
import type { RunMode, TableReport } from "../report.js";
import { readMirrorRecord } from "../state/mirror-record.js";
import { recordFailure } from "../state/open-run.js";
import type { RunContext } from "./run-context.js";
import { notRun } from "./summarise-run.js";
import { syncMirror } from "./sync-mirror.js";

export interface TablesOptions {
  mirrors: readonly MirrorConfig[];
  mode: RunMode;
  /** Mirrors that may lose more documents than the guard allows. */
  allowDeletes: readonly string[];
  takeOver: boolean;
}

/** Failures that concern the whole run: what follows would fail alike, or must not be tried. */
const ENDS_RUN: ReadonlySet<ErrorCode> = new Set([
  "DATABASE_UNREACHABLE",
  "DATABASE_AUTH",
  "DEPLOYMENT_UNREACHABLE",
  "WRONG_SYNC_KEY",
  "SYNC_KEY_UNSET",
  "LEASE_LOST",
  "INTERRUPTED",
]);

/**
 * One table after the other. A table that fails leaves the others alone, unless what failed is not the table's.
 * @param handshakes of these mirrors
 */
export async function syncTables(
  context: RunContext,
  options: TablesOptions,
  handshakes: MirrorHandshake[],
): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  let ended = false;
  for (const config of options.mirrors) {
    const handshake = handshakes.find(({ table }) => table === config.mirror)!;
    const report = ended
      ? notRun(config.mirror, options.mode)
      : await syncTable(context, options, config, handshake);
    if (report.error && ENDS_RUN.has(report.error.code)) ended = true;
    reports.push(report);
    if (report.outcome !== "not-run") context.listener.tableFinished(report);
  }
  return reports;
}

async function syncTable(
  context: RunContext,
  options: TablesOptions,
  config: MirrorConfig,
  handshake: MirrorHandshake,
): Promise<TableReport> {
  const { clock, sink } = context;
  const table = config.mirror;
  const startedAtMs = clock.now();
  const blank = notRun(table, options.mode);
  let countSoFar: () => Partial<TableReport> = () => ({});
  const cost = () => ({ ...sink.meter(table), durationMs: clock.now() - startedAtMs });
  try {
    context.signal.throwIfAborted();
    const outcome = await syncMirror(context, {
      config,
      handshake,
      requested: options.mode,
      allowDeletes: options.allowDeletes.includes(table),
      takeOver: options.takeOver,
      onCounting: (count) => (countSoFar = count),
    });
    return { ...blank, ...outcome, ...cost(), outcome: "done" };
  } catch (caught) {
    const error = asSyncError(caught, table);
    context.listener.tableFailed?.(table, error);
    const { database, lease } = context;
    const record = await readMirrorRecord(database, lease.targetId, table).catch(() => null);
    const begun = record?.openRun?.nonce === lease.nonce ? record.openRun : null;
    const mode = begun?.mode ?? options.mode;
    // A run that lost its lease changes nothing any more; one whose database is gone cannot.
    await recordFailure(database, lease, table, mode, error.code).catch(() => undefined);
    return {
      ...blank,
      ...countSoFar(),
      ...cost(),
      mode,
      outcome: "failed",
      watermark: { position: record?.watermark?.snapshot ?? null, at: record?.watermark?.at ?? null },
      error: { code: error.code, message: error.message, remedy: error.remedy },
    };
  }
}

/** Anything that is not a SyncError is a bug, and is named as one. */
function asSyncError(error: unknown, table: string): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError({
    code: "INTERNAL",
    message: `Something unexpected happened (${error instanceof Error ? error.name : typeof error}).`,
    remedy: "This is a bug: please report it with the output of --verbose. The watermark has not moved.",
    table,
    cause: error,
  });
}
