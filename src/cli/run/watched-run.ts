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
  const alerts = openAlerts(session, config);
  alerts.started();
  try {
    const report = await run();
    await tell(session, config, alerts, reported(report));
    return report;
  } catch (error) {
    await tell(session, config, alerts, failed(error));
    throw error;
  }
}

export type Told = Omit<RunOutcome, "deployment">;

export function openAlerts({ context, log }: Session, config: SyncConfig): Alerts {
  return new Alerts({
    config: config.settings.alerts,
    clock: context.clock,
    undelivered: (receiver, reason) => log.warn(`The ${receiver} was not delivered: ${reason}.`),
  });
}

export function reported(report: RunReport): Told {
  // What another run works on is for that one to tell; the rest is done.
  const exitCode = report.exitCode === EXIT.leaseHeld ? EXIT.done : report.exitCode;
  return { exitCode, text: renderSummary(report), report, error: null };
}

export function failed(error: unknown): Told {
  const { exitCode, code, message, remedy, table = null } = toFailure(error);
  return {
    ...{ exitCode, text: `${message} ${remedy}`, report: null },
    error: { code, message, remedy, table },
  };
}

/** Tells whoever is to hear of it, and remembers it. */
export async function tell(
  { context, log, scrub }: Session,
  { convex: { deployment }, settings }: SyncConfig,
  alerts: Alerts,
  told: Told,
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
