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
    runUnit(program, options, `${name}.service`, "Mirror Postgres tables to Convex", "sync"),
    timer(`${name}.timer`, `Start datahub-sync every ${every}`, INTERVALS[every].systemd),
    runUnit(
      program,
      options,
      `${name}-full.service`,
      "Compare Postgres tables with their mirrors in Convex",
      "sync --full",
    ),
    timer(`${name}-full.timer`, "Start the weekly comparison of datahub-sync", weeklySystemd(fullAt)),
  ];
}

/** A service that goes on, in the place of timers: `sync --watch`. */
export function watchUnit(program: Program, options: UnitOptions): Unit {
  return service(program, options, {
    name: `${options.name}.service`,
    description: "Mirror Postgres tables to Convex as they change",
    command: "sync --watch",
    settings: [
      "# It waits by itself for what comes back; it ends for what somebody has to mend.",
      "Restart=on-failure",
      "RestartSec=60",
    ],
    rest: ["", "[Install]", `WantedBy=${options.user === null ? "default.target" : "multi-user.target"}`],
  });
}

/** What a timer starts: one run. */
function runUnit(program: Program, options: UnitOptions, name: string, description: string, command: string) {
  const settings = [
    "Type=oneshot",
    "# Another run holds the lease: nothing is wrong.",
    "SuccessExitStatus=4",
  ];
  return service(program, options, { name, description, command, settings, rest: [] });
}

interface Service {
  name: string;
  description: string;
  /** Of ours, with its flags. */
  command: string;
  /** Lines of its section `[Service]`. */
  settings: readonly string[];
  /** Lines behind that section. */
  rest: readonly string[];
}

function service(
  { cwd, program, envFile }: Program,
  { user }: UnitOptions,
  { name, description, command, settings, rest }: Service,
): Unit {
  const start = [...program, ...command.split(" "), ...(envFile === null ? [] : ["--env-file", envFile])];
  const lines = [
    UNIT_MARK,
    "[Unit]",
    `Description=${description}`,
    ...(user === null ? [] : ["Wants=network-online.target", "After=network-online.target"]),
    "",
    "[Service]",
    ...(user === null ? [] : [`User=${user}`]),
    `WorkingDirectory=${escape(cwd)}`,
    `ExecStart=${start.map(quote).join(" ")}`,
    ...settings,
    "TimeoutStopSec=60",
    ...rest,
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
