import { Alerts } from "../../alerts/alerts.js";
import { loadConfig } from "../../config/load-config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { NotifyFlags } from "../notify.js";
import { renderDeliveries, type DeliveryReport } from "../render/delivery-report.js";
import { configInput, runSession } from "../session.js";

export async function runNotify(
  { test, failure = false, ...flags }: NotifyFlags,
  io: CliIo,
): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  const { convex, settings } = loaded.config;
  return runSession({ io, flags, loaded }, async ({ context, print }) => {
    if (!test) throw usage("What to send is not said.", "`datahub-sync notify --test` tries each receiver.");
    const alerts = new Alerts({ config: settings.alerts, clock: context.clock, undelivered: () => {} });
    const text = failure
      ? "This is a test of the alarm: nothing is wrong."
      : "This is a test: all is well, as far as this message knows.";
    const outcome = {
      ...{ deployment: convex.deployment, exitCode: failure ? EXIT.failed : EXIT.done, text },
      ...{ report: null, error: null },
    };
    const deliveries = await alerts.test(outcome, { failure });
    if (deliveries.size === 0)
      throw usage(
        "Nobody is to be told of runs.",
        "Set DATAHUB_SYNC_PING_URL or DATAHUB_SYNC_WEBHOOK_URL in .env: docs/alerts.md says how.",
      );
    const ok = [...deliveries.values()].every((delivery) => delivery.ok);
    const report: DeliveryReport = {
      ok,
      exitCode: ok ? EXIT.done : EXIT.failed,
      receivers: [...deliveries].map(([receiver, delivery]) => ({ receiver, ...delivery })),
    };
    print(report, (paint) => renderDeliveries(report, paint));
    return report.exitCode;
  });
}

function usage(message: string, remedy: string): SyncError {
  return new SyncError({ code: "USAGE", message, remedy });
}
