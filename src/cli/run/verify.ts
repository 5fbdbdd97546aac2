import { loadConfig } from "../../config/load-config.js";
import type { ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { describeEstimate, renderVerifyReport } from "../render/verify-report.js";
import { configInput, runSession } from "../session.js";
import type { VerifyFlags } from "../verify.js";

export async function runVerify(flags: VerifyFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, log, screen, interactive, print }) => {
    const totals = new Map<string, number>();
    const report = await commands.verify({
      ...context,
      config,
      sample: flags.sample ?? null,
      dryRun: flags.dryRun === true,
      progress: {
        estimated: (estimate) => log.info(describeEstimate(estimate, config.budget)),
        tableStarted: (table, rows) => void totals.set(table, rows),
        tableProgress: (table, done) => {
          if (interactive) screen.showBar({ label: table, done, total: totals.get(table) ?? null });
        },
        tableFinished: ({ differences: _differences, ...table }) =>
          log.record("info", "verified", { ...table }),
      },
    });
    screen.hideBar();
    log.record(report.ok ? "info" : "warn", "verify ended", { exitCode: report.exitCode });
    print(report, (paint) => renderVerifyReport(report, paint));
    return report.exitCode;
  });
}
