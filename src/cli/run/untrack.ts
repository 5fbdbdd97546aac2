import { loadConfig } from "../../config/load-config.js";
import { SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { ParsedFlags } from "../flags.js";
import { logCauses } from "../progress.js";
import { renderUntrackReport } from "../render/tracking-report.js";
import { configInput, runSession } from "../session.js";

export async function runUntrack(flags: ParsedFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  if (flags.table === undefined) {
    throw new SyncError({
      code: "USAGE",
      message: "untrack needs a --table.",
      remedy: "Name each table whose tracking should go: datahub-sync untrack --table sow_poles.",
    });
  }
  const loaded = await loadConfig(configInput(io, flags), "source");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, log, print }) => {
    const report = await commands.untrack({ ...context, config, tableFailed: logCauses(log) });
    log.record(report.ok ? "info" : "warn", "untrack ended", { report });
    print(report, (paint) => renderUntrackReport(report, paint));
    return report.exitCode;
  });
}
