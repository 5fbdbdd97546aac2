import { EXIT } from "../model/errors.js";
import type { Notice, RunReport, TableReport } from "../model/report.js";
import type { CallMeter } from "../sink/convex-transport.js";
import { ForeseenDeployment } from "../sink/foreseen-deployment.js";
import { findTargetId, readLeases } from "../state/read-leases.js";
import { readSpending } from "../state/spending.js";
import type { DryRunReport, ForeseenTable } from "./dry-run-report.js";
import { monthNotices } from "../sync/foresee-costs.js";
import { ForeseenEffects } from "./foreseen-effects.js";
import { isolationSerializable, runGoesOn } from "../sync/notices.js";
import { openDatabase } from "../sync/open-database.js";
import { openSource } from "../sync/open-source.js";
import { createRunContext } from "../sync/run-context.js";
import type { RunOptions } from "../sync/run-options.js";
import { summarise } from "../sync/summarise-run.js";
import { surveyMirrors } from "../sync/survey.js";
import { syncTables } from "../sync/sync-tables.js";

/** No deployment that a run has seen has this id: nothing is remembered of it. */
const NO_TARGET = -1;

/**
 * What a run would do, by the code of a run: the same survey, decisions and passes, over a database that cannot be written
 * and a deployment that is asked and told nothing. It takes no lease, and so waits for nobody and stops nobody.
 * @throws SyncError when no table could be looked at
 */
export async function dryRunSync(options: RunOptions): Promise<DryRunReport> {
  const { config, clock, signal, mode } = options;
  const { settings } = config;
  const startedAtMs = clock.now();
  const database = openDatabase(config.database, settings, clock, signal, { readOnly: true });
  const deployment = new ForeseenDeployment({
    url: config.convex.url,
    syncKey: config.convex.syncKey.reveal(),
    clock,
    callTimeoutMs: settings.callTimeoutMs,
  });
  try {
    const identity = await openSource(database);
    const targetId = await findTargetId(database, config.convex.url);
    const sink = deployment.createSink();
    let effects: ForeseenEffects;
    const context = createRunContext(options, {
      database,
      sink,
      identity,
      signal,
      startedAtMs,
      pacer: null,
      lease: {
        targetId: targetId ?? NO_TARGET,
        epoch: 1n,
        nonce: clock.uuid(),
        mirrors: config.mirrors.map(({ name }) => name),
      },
      ensureLease: () => Promise.resolve(),
      createEffects: (of) => (effects = new ForeseenEffects(of, deployment)),
    });
    const notices: Notice[] = [];
    if (identity.isolation === "serializable") notices.push(isolationSerializable());
    const running = targetId === null ? [] : await readLeases(database, targetId);
    notices.push(...running.map(({ holder, acquiredAt }) => runGoesOn(holder, acquiredAt)));

    const surveys = await surveyMirrors(context, config.mirrors);
    const kinds = new Map<string, ForeseenTable["run"]>();
    const reports = await syncTables(context, options, surveys, ({ name, planned }) =>
      kinds.set(name, planned!.isIdle ? "nothing" : planned!.plan.work.kind),
    );
    const tables = reports.map((report) => withDeletions(report, effects));
    const finishedAtMs = clock.now();
    const summary = summarise(tables, {
      mode,
      runId: context.lease.nonce,
      startedAtMs,
      finishedAtMs,
      shared: sink.shared,
      notices,
    });
    if (config.budget !== null) {
      const { bytesRead, bytesWritten } = summary.totals;
      const spending = await readSpending(database, context.lease.targetId);
      notices.push(...monthNotices(config.budget, spending, bytesRead + bytesWritten));
    }
    return toReport(
      summary,
      tables.map((table) => foresee(table, kinds.get(table.table), effects)),
    );
  } finally {
    await database.close();
  }
}

/** Deletions are counted apart, since they may be held back. */
function withDeletions(report: TableReport, effects: ForeseenEffects): TableReport {
  const { deleted, meters } = effects.of(report.table).deletionCosts;
  const sum = { ...report, deleted: report.deleted + deleted };
  for (const meter of meters) {
    for (const name of Object.keys(meter) as (keyof CallMeter)[]) sum[name] += meter[name];
  }
  return sum;
}

function foresee(
  report: TableReport,
  kind: ForeseenTable["run"] | undefined,
  effects: ForeseenEffects,
): ForeseenTable {
  const { table, outcome, durationMs: _, watermark: _position, retries: _retries, ...counts } = report;
  return {
    table,
    run: outcome !== "done" || kind === undefined ? "refused" : kind,
    ...counts,
    setAside: effects.of(table).setAside,
  };
}

function toReport(summary: RunReport, tables: ForeseenTable[]): DryRunReport {
  const { mode, startedAt, durationMs, notices, totals } = summary;
  const { retries: _, ...counts } = totals;
  const ok = tables.every(({ run }) => run !== "refused");
  return {
    dryRun: true,
    ok,
    exitCode: ok ? EXIT.done : EXIT.failed,
    foreseenExitCode: summary.exitCode,
    mode,
    startedAt,
    durationMs,
    tables,
    notices,
    totals: counts,
  };
}
