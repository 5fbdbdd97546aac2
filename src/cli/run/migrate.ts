import { loadConfig } from "../../config/load-config.js";
import type { ExitCode } from "../../model/errors.js";
import type { Notice } from "../../model/report.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { MigrateFlags } from "../migrate.js";
import { logCauses } from "../progress.js";
import { renderMigrationPlan } from "../render/migration-plan.js";
import { renderMigrateReport } from "../render/tracking-report.js";
import { configInput, runSession } from "../session.js";

export async function runMigrate(flags: MigrateFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "source");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, log, tell, print }) => {
    if (flags.dryRun) {
      const plan = await commands.planMigration({ ...context, config, tableFailed: logCauses(log) });
      log.record("info", "dry run of migrate ended", { report: plan });
      print(plan, (paint) => renderMigrationPlan(plan, paint));
      return plan.exitCode;
    }
    const announce = ({ message }: Notice) => tell(message);
    const report = await commands.migrate({ ...context, config, announce, tableFailed: logCauses(log) });
    log.record(report.ok ? "info" : "warn", "migrate ended", { report });
    print(report, (paint) => renderMigrateReport(report, paint));
    return report.exitCode;
  });
}
