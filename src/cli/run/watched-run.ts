import { Alerts, codesOf, type RunOutcome } from "../../alerts/alerts.js";
import { readLastOutcome, writeLastOutcome, type LastOutcome } from "../../alerts/last-outcome.js";
import { alertSecrets } from "../../config/alerts.js";
import type { SyncConfig } from "../../model/config.js";
import { EXIT } from "../../model/errors.js";
import type { RunReport } from "../../model/report.js";
import { toFailure } from "../render/failure.js";
import { renderSummary } from "../render/run-report.js";
import type { Session } from "../session.js";

/** Runs, and tells monitors, webhook and metrics how it went. None of these changes how it goes. */
export async function watchedRun(
  session: Session,
  config: SyncConfig,
  run: () => Promise<RunReport>,
): Promise<RunReport> {
  const { context, log } = session;
  const alerts = new Alerts({
    config: config.settings.alerts,
    clock: context.clock,
    undelivered: (receiver, reason) => log.warn(`The ${receiver} was not delivered: ${reason}.`),
  });
  alerts.started();
  try {
    const report = await run();
    const { exitCode } = report;
    await tell(session, config, alerts, { exitCode, text: renderSummary(report), report, error: null });
    return report;
  } catch (error) {
    const { exitCode, code, message, remedy, table = null } = toFailure(error);
    const text = `${message} ${remedy}`;
    await tell(session, config, alerts, {
      ...{ exitCode, text, report: null },
      error: { code, message, remedy, table },
    });
    throw error;
  }
}

async function tell(
  { context, log, scrub }: Session,
  { convex: { deployment }, settings }: SyncConfig,
  alerts: Alerts,
  told: Omit<RunOutcome, "deployment">,
): Promise<void> {
  const outcome: RunOutcome = { ...told, text: scrub(told.text), deployment };
  const { alerts: config, metricsFile } = settings;
  if (metricsFile === null && alertSecrets(config).length === 0) return;
  const last = await readLastOutcome(settings.logDir, deployment);
  const now = toLastOutcome(outcome, last, new Date(context.clock.now()).toISOString());
  if (outcome.exitCode !== EXIT.leaseHeld) {
    await writeLastOutcome(settings.logDir, deployment, now);
    if (metricsFile !== null) {
      const { writeMetrics } = await import("../../alerts/metrics.js");
      const { report } = outcome;
      await writeMetrics(metricsFile, { deployment, outcome: now, report }).catch(
        (error: NodeJS.ErrnoException) =>
          log.warn(`The metrics could not be written (${error.code ?? error.name}).`),
      );
    }
  }
  await alerts.ended(outcome, last);
}

function toLastOutcome(outcome: RunOutcome, last: LastOutcome | null, at: string): LastOutcome {
  const codes = codesOf(outcome);
  const isSame = last?.exitCode === outcome.exitCode && last.codes.join() === codes.join();
  const moved = (outcome.report?.tables ?? []).flatMap(({ table, watermark }) =>
    watermark.at === null ? [] : [[table, watermark.at] as const],
  );
  return {
    exitCode: outcome.exitCode,
    codes,
    at,
    since: isSame ? last.since : at,
    succeededAt: outcome.exitCode === EXIT.done ? at : (last?.succeededAt ?? null),
    watermarks: { ...last?.watermarks, ...Object.fromEntries(moved) },
  };
}
