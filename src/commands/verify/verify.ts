import { planDocument } from "../../encode/plan-document.js";
import type { Clock } from "../../model/clock.js";
import type { SyncConfig } from "../../model/config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { MirrorSource } from "../../model/mirror-source.js";
import { whyCompare, type Sight } from "../../model/sight.js";
import type { VerifyEstimate, VerifyReport, VerifyTable } from "../../model/verify-report.js";
import type { Database } from "../../postgres/database.js";
import { ConvexSink } from "../../sink/convex-sink.js";
import { ChangeLog } from "../../source/change-log.js";
import { TableReader } from "../../source/table-reader.js";
import { endsRun } from "../../sync/ends-run.js";
import { openDatabase } from "../../sync/open-database.js";
import { openSource } from "../../sync/open-source.js";
import { leaveOutWaiting, readMirrorStates, type MirrorState } from "../mirror-states.js";
import { compareSides } from "./compare-sides.js";
import { estimateCost } from "./estimate.js";
import { Findings } from "./findings.js";
import { sampleSides } from "./sample-sides.js";
import type { VerifiedMirror } from "./verified-mirror.js";

export interface VerifyOptions {
  config: SyncConfig;
  /** How many rows of each table are looked at; null: all. */
  sample: number | null;
  /** Says what it would cost, and looks at nothing. */
  dryRun: boolean;
  clock: Clock;
  signal: AbortSignal;
  progress: VerifyProgress;
}

/** Told while it goes on. */
export interface VerifyProgress {
  estimated(estimate: VerifyEstimate): void;
  tableStarted(table: string, rows: number): void;
  tableProgress(table: string, done: number): void;
  tableFinished(table: VerifyTable): void;
}

/**
 * Reads both sides and holds them against each other, value by value. Changes neither: it takes no lease, so that runs go on
 * beside it, and every statement runs in a READ ONLY transaction.
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { config, sample, dryRun, clock, signal, progress } = options;
  const database = openDatabase(config.database, config.settings, clock, signal, { readOnly: true });
  const { url, syncKey } = config.convex;
  const sink = new ConvexSink({
    url,
    syncKey: syncKey.reveal(),
    clock,
    callTimeoutMs: config.settings.callTimeoutMs,
  });
  try {
    await openSource(database);
    const names = config.mirrors.map(({ name }) => name);
    const handshake = sink.handshake(names, { signal });
    const { overview, states } = await readMirrorStates({ database, handshake, config, signal });
    await leaveOutWaiting(database, states);
    const estimate = estimateCost(states, sample);
    progress.estimated(estimate);
    const tables: VerifyTable[] = [];
    for (const state of dryRun ? [] : states) {
      const table = await verifyMirror(options, { database, sink, targetId: overview.targetId }, state);
      progress.tableFinished(table);
      tables.push(table);
      if (table.error !== undefined && endsRun(table.error)) break;
    }
    const exitCode = exitCodeOf(tables);
    return {
      ok: exitCode === EXIT.done,
      exitCode,
      deployment: config.convex.deployment,
      estimate,
      dryRun,
      tables,
    };
  } finally {
    await database.close();
  }
}

interface Sides {
  database: Database;
  sink: ConvexSink;
  /** Null for a deployment that no run has seen. */
  targetId: number | null;
}

async function verifyMirror(options: VerifyOptions, sides: Sides, state: MirrorState): Promise<VerifyTable> {
  const { clock, sample, progress } = options;
  const startedAt = clock.now();
  const { name } = state.config;
  const findings = new Findings();
  const table = (outcome: VerifyTable["outcome"], more: Partial<VerifyTable> = {}): VerifyTable => ({
    table: name,
    outcome,
    ...findings.counts,
    differences: findings.differences,
    sampledOf: null,
    caution: null,
    durationMs: clock.now() - startedAt,
    ...more,
  });
  try {
    const source = readable(state);
    const { record } = state.memory;
    if (sides.targetId === null || !record?.watermark) return table("never-synced");
    const { rows } = state.handshake;
    progress.tableStarted(name, sample === null ? rows : Math.min(rows, 2 * sample));
    const mirror = verifiedMirror(options, { ...sides, targetId: sides.targetId }, source);
    if (sample === null) await compareSides(mirror, rows, findings);
    else await sampleSides(mirror, sides.database, sample, findings);
    const caution = whyCompare(record.watermark.seen as Sight, source.sight);
    return table(findings.outcome, { sampledOf: sample === null ? null : rows, caution });
  } catch (error) {
    if (!(error instanceof SyncError) || error.code === "INTERRUPTED") throw error;
    const { code, message, remedy } = error;
    return table("failed", { error: { code, message, remedy } });
  }
}

/** @throws SyncError why the mirror cannot be run as it stands */
function readable({ looked, problem }: MirrorState): MirrorSource {
  if (looked instanceof SyncError) throw looked;
  if (problem !== null) throw problem;
  return looked;
}

function verifiedMirror(
  { config, signal, progress }: VerifyOptions,
  { database, sink, targetId }: Sides & { targetId: number },
  source: MirrorSource,
): VerifiedMirror {
  const { name } = source;
  return {
    source,
    plan: planDocument(source.columns, name),
    reader: new TableReader(database, source),
    log: new ChangeLog(database, { name, trackedId: source.sight.trackedId }),
    convex: sink.mirror(name, { signal }),
    stored: { database, targetId, name },
    pageRows: config.settings.pageRows,
    pageKeys: config.settings.pageKeys,
    signal,
    progress: (done) => progress.tableProgress(name, done),
  };
}

function exitCodeOf(tables: readonly VerifyTable[]): ExitCode {
  if (tables.some(({ outcome }) => outcome === "different" || outcome === "never-synced")) return EXIT.stale;
  return tables.some(({ outcome }) => outcome === "failed") ? EXIT.failed : EXIT.done;
}
