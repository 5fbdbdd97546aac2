import { loadConfig } from "../../config/load-config.js";
import { EXIT, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { renderRunReport } from "../render/run-report.js";
import { renderRuns } from "../render/runs-report.js";
import type { RunsFlags } from "../runs.js";
import { configInput, runSession } from "../session.js";

export async function runRuns(flags: RunsFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async ({ context, print }) => {
    if (flags.id !== undefined) {
      const report = await commands.showRun({ ...context, config, id: flags.id });
      print(report, (paint) => renderRunReport(report, paint));
      return EXIT.done;
    }
    const runs = await commands.listRuns({ ...context, config, limit: flags.limit });
    print({ ok: true, exitCode: EXIT.done, runs }, (paint) => renderRuns(runs, io.clock.now(), paint));
    return EXIT.done;
  });
}
