import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { findEnvFiles } from "../../config/env-files.js";
import { loadConfig, type ConfigInput, type Loaded } from "../../config/load-config.js";
import type { SourceConfig, SyncConfig } from "../../model/config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { ParsedFlags } from "../flags.js";
import { programPath } from "../program-path.js";
import { renderDoctorReport } from "../render/doctor-report.js";
import { configInput, runSession } from "../session.js";

export async function runDoctor(flags: ParsedFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const input = configInput(io, flags);
  const { both, loaded, configProblem } = await loadWhatThereIs(input);
  const here = {
    cwd: io.cwd,
    nodeVersion: process.versions.node,
    program: programPath(),
    alerts: both?.config.settings.alerts ?? null,
    envFiles: findEnvFiles(input.cwd, input.envFile),
    configProblem,
    warnings: loaded?.warnings ?? [],
    logDir: loaded?.config.settings.logDir ?? null,
    schedule: { files: SCHEDULES(homedir()), crontab: readCrontab },
  };
  // Its warnings are among the findings.
  const session = { io, flags, loaded: loaded === null ? null : { ...loaded, warnings: [] } };
  return runSession(session, async ({ context, print }) => {
    const report = await commands.doctor({
      ...context,
      here,
      source: loaded?.config ?? null,
      config: both?.config ?? null,
    });
    print(report, (paint) => renderDoctorReport(report, paint));
    return report.exitCode;
  });
}

interface WhatThereIs {
  both: Loaded<SyncConfig> | null;
  loaded: Loaded<SourceConfig> | null;
  configProblem: SyncError | null;
}

/** A configuration that lacks one side lets the other be looked at. */
async function loadWhatThereIs(input: ConfigInput): Promise<WhatThereIs> {
  try {
    const both = await loadConfig(input, "both");
    return { both, loaded: both, configProblem: null };
  } catch (error) {
    if (!(error instanceof SyncError) || error.exitCode !== EXIT.usage) throw error;
    const loaded = await loadConfig(input, "source").catch(() => null);
    return { both: null, loaded, configProblem: error };
  }
}

/** Where lines stand that start programs, beside a user's crontab. */
const SCHEDULES = (home: string) => [
  "/etc/crontab",
  "/etc/cron.d",
  "/etc/systemd/system",
  join(home, ".config/systemd/user"),
];

/** Null where this user has none, or cron is not installed. */
function readCrontab(): Promise<string | null> {
  return new Promise((resolve) => {
    execFile("crontab", ["-l"], { timeout: 5000 }, (error, stdout) =>
      resolve(error === null ? stdout : null),
    );
  });
}
