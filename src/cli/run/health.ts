import { loadConfig } from "../../config/load-config.js";
import type { ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { HealthFlags } from "../health.js";
import { renderHealth } from "../render/health-report.js";
import { configInput, runSession } from "../session.js";

export async function runHealth(flags: HealthFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  return runSession({ io, flags, loaded }, async ({ context, print }) => {
    const { config } = loaded;
    const report = await commands.health({ ...context, config, maxAgeSeconds: flags.maxAge });
    print(report, (paint) => renderHealth(report, paint));
    return report.exitCode;
  });
}
