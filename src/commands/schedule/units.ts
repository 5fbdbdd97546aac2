import type { Program, Times } from "./crontab.js";
import { INTERVALS, weeklySystemd } from "../../model/schedule-times.js";

/** A file that systemd reads. */
export interface Unit {
  name: string;
  text: string;
}

/** By which we know our own files again. */
export const UNIT_MARK = "# Written by `datahub-sync cron --systemd`; `--remove` takes it away.";

export interface UnitOptions {
  /** Of the units: `NAME.timer`, `NAME-full.timer`. */
  name: string;
  /** Null for a user's own systemd, which runs as that user. */
  user: string | null;
}

/** A service and a timer for deltas, and a pair for the weekly comparison. What runs print, the journal keeps. */
export function systemdUnits(program: Program, { every, fullAt }: Times, options: UnitOptions): Unit[] {
  const { name } = options;
  return [
    service(program, `${name}.service`, "Mirror Postgres tables to Convex", "sync", options),
    timer(`${name}.timer`, `Start datahub-sync every ${every}`, INTERVALS[every].systemd),
    service(
      program,
      `${name}-full.service`,
      "Compare Postgres tables with their mirrors in Convex",
      "sync --full",
      options,
    ),
    timer(`${name}-full.timer`, "Start the weekly comparison of datahub-sync", weeklySystemd(fullAt)),
  ];
}

/** A service that goes on, in the place of timers: `sync --watch`. */
export function watchUnit({ cwd, program, envFile }: Program, { name, user }: UnitOptions): Unit {
  const start = [...program, "sync", "--watch", ...(envFile === null ? [] : ["--env-file", envFile])];
  const lines = [
    UNIT_MARK,
    "[Unit]",
    "Description=Mirror Postgres tables to Convex as they change",
    ...(user === null ? [] : ["Wants=network-online.target", "After=network-online.target"]),
    "",
    "[Service]",
    ...(user === null ? [] : [`User=${user}`]),
    `WorkingDirectory=${escape(cwd)}`,
    `ExecStart=${start.map(quote).join(" ")}`,
    "# It waits by itself for what comes back; it ends for what somebody has to mend.",
    "Restart=on-failure",
    "RestartSec=60",
    "TimeoutStopSec=60",
    "",
    "[Install]",
    `WantedBy=${user === null ? "default.target" : "multi-user.target"}`,
  ];
  return { name: `${name}.service`, text: `${lines.join("\n")}\n` };
}

function service(
  { cwd, program, envFile }: Program,
  name: string,
  description: string,
  command: string,
  { user }: UnitOptions,
): Unit {
  const start = [...program, ...command.split(" "), ...(envFile === null ? [] : ["--env-file", envFile])];
  const lines = [
    UNIT_MARK,
    "[Unit]",
    `Description=${description}`,
    ...(user === null ? [] : ["Wants=network-online.target", "After=network-online.target"]),
    "",
    "[Service]",
    "Type=oneshot",
    ...(user === null ? [] : [`User=${user}`]),
    `WorkingDirectory=${escape(cwd)}`,
    `ExecStart=${start.map(quote).join(" ")}`,
    "# Another run holds the lease: nothing is wrong.",
    "SuccessExitStatus=4",
    "TimeoutStopSec=60",
  ];
  return { name, text: `${lines.join("\n")}\n` };
}

function timer(name: string, description: string, at: string): Unit {
  const lines = [
    UNIT_MARK,
    "[Unit]",
    `Description=${description}`,
    "",
    "[Timer]",
    `OnCalendar=${at}`,
    "# One that was due while the machine was off runs when it is on again.",
    "Persistent=true",
    "",
    "[Install]",
    "WantedBy=timers.target",
  ];
  return { name, text: `${lines.join("\n")}\n` };
}

/** systemd takes % for its own variables. */
const escape = (text: string) => text.replaceAll("%", "%%");

/** A word of a command line: systemd's quotes, and $ for variables. */
function quote(word: string): string {
  const text = escape(word).replaceAll("$", "$$$$");
  return /^[\w/.@+:=%$-]+$/.test(word) ? text : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
