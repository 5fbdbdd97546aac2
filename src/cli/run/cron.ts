import { spawn } from "node:child_process";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { loadConfig } from "../../config/load-config.js";
import { SyncError, type ExitCode } from "../../model/errors.js";
import type { RunCommand } from "../../commands/schedule/schedule.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { CronFlags } from "../cron.js";
import { programPath } from "../program-path.js";
import { renderSchedule } from "../render/schedule-report.js";
import { configInput, runSession } from "../session.js";

export async function runCron(flags: CronFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const { every, fullAt, systemd, watch = false, name, install, remove } = flags;
  if (watch && !systemd)
    throw new SyncError({
      code: "USAGE",
      message: "cron cannot keep a watch: its lines begin and end.",
      remedy: "Add --systemd, or let another supervisor run `datahub-sync sync --watch`.",
    });
  const envFile = flags.envFile === undefined ? null : resolve(io.cwd, flags.envFile);
  // Only where logs go is asked of it: a schedule may be made before the rest is there.
  const loaded = await loadConfig(configInput(io, envFile === null ? {} : { envFile }), "source").catch(
    () => null,
  );
  return runSession({ io, flags, loaded: null, secrets: loaded?.secrets ?? [] }, async ({ print }) => {
    const report = await commands.schedule({
      program: {
        ...{ cwd: io.cwd, envFile, logDir: loaded?.config.settings.logDir ?? null },
        program: programPath(),
      },
      times: { every, fullAt },
      action: install ? "install" : remove ? "remove" : "print",
      systemd: systemd ? { name, watch, ...systemdOf(userInfo(), io.environment["SUDO_USER"]) } : null,
      run: runCommand(io),
    });
    print(report, (paint) => renderSchedule(report, paint));
    return report.exitCode;
  });
}

/** Root's units are the system's, and run as whoever has become root for it. */
function systemdOf({ uid, username }: { uid: number; username: string }, caller = username) {
  return uid === 0
    ? { folder: "/etc/systemd/system", user: caller }
    : { folder: join(homedir(), ".config/systemd/user"), user: null };
}

const runCommand =
  ({ signal, environment }: CliIo): RunCommand =>
  (command, args, input = "") =>
    new Promise((done) => {
      const child = spawn(command, args, { signal, env: environment });
      const texts = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const)
        child[name].on("data", (chunk: Buffer) => (texts[name] += chunk.toString()));
      child.on("error", () => done({ code: null, ...texts }));
      child.on("close", (code) => done({ code, ...texts }));
      child.stdin.on("error", () => {}); // it may have ended already
      child.stdin.end(input);
    });
