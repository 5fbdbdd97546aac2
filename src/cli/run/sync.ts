import { loadConfig } from "../../config/load-config.js";
import type { ExitCode } from "../../model/errors.js";
import type { RunMode } from "../../model/report.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { createForesight, createProgress } from "../progress.js";
import { renderDryRunReport } from "../render/dry-run-report.js";
import { renderDatedReport, renderRunReport } from "../render/run-report.js";
import { configInput, runSession } from "../session.js";
import type { SyncFlags } from "../sync.js";
import { runWatch } from "./watch.js";
import { waitUntilReady } from "./wait-until-ready.js";
import { watchedRun } from "./watched-run.js";

export async function runSync(flags: SyncFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const mode = modeOf(flags);
  const loaded = await loadConfig(configInput(io, flags, flags.allowDeletes), "both");
  const { config, allowDeletes } = loaded;
  return runSession({ io, flags, loaded }, async (session) => {
    const { context, log, screen, interactive, unattended, print } = session;
    const takeOver = flags.takeOver === true;
    if (flags.dryRun) {
      const progress = createForesight(log, screen, interactive);
      const report = await commands.dryRun({ ...context, config, mode, allowDeletes, takeOver, progress });
      progress.stop();
      log.record("info", "dry run ended", { report });
      print(report, (paint) => renderDryRunReport(report, paint));
      return report.exitCode;
    }
    if (flags.watch) return runWatch(flags, session, config, commands);
    // What each table needs is known once both sides were asked: a first load, or a comparison, is said then.
    const what = mode === "delta" ? "run" : `${mode} run`;
    const fields = { mode, tables: config.mirrors.map(({ name }) => name) };
    if (unattended) log.record("info", `${what} to ${config.convex.deployment}`, fields);
    else log.routine(`${what} to ${config.convex.deployment}`, fields);
    const progress = createProgress(log, screen, { bar: interactive, later: unattended });
    const report = await watchedRun(session, config, async () => {
      await waitUntilReady(session, config, commands);
      return commands.sync({ ...context, config, mode, allowDeletes, takeOver, progress });
    });
    progress.stop();
    log.record(report.ok ? "info" : "warn", "run ended", { report });
    print(report, (paint) =>
      unattended
        ? renderDatedReport(report, config.convex.deployment, paint)
        : renderRunReport(report, paint),
    );
    return report.exitCode;
  });
}

function modeOf({ full, deep }: SyncFlags): RunMode {
  return deep ? "deep" : full ? "full" : "delta";
}
