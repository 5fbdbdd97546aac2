import { loadConfig } from "../../config/load-config.js";
import type { ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { ParsedFlags } from "../flags.js";
import { renderStatusReport } from "../render/status-report.js";
import { configInput, runSession } from "../session.js";

export async function runStatus(flags: ParsedFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, print }) => {
    const report = await commands.status({ ...context, config });
    print(report, (paint) => renderStatusReport(report, io.clock.now(), paint));
    return report.exitCode;
  });
}
