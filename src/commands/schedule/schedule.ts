import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SyncError } from "../../model/errors.js";
import { cronBlock, replaceBlock, type Program, type Times } from "./crontab.js";
import { systemdUnits, UNIT_MARK, type Unit } from "./units.js";

/** Runs a command of this machine. */
export type RunCommand = (
  command: string,
  args: readonly string[],
  input?: string,
) => Promise<{ code: number | null; stdout: string; stderr: string }>;

export interface ScheduleOptions {
  program: Program;
  times: Times;
  action: "print" | "install" | "remove";
  /** Null: cron. */
  systemd: { name: string; folder: string; user: string | null } | null;
  run: RunCommand;
}

/** What is, or would be, in the schedule. */
export interface ScheduleReport {
  ok: true;
  exitCode: 0;
  action: ScheduleOptions["action"];
  by: "cron" | "systemd";
  /** False: it was like this before. */
  changed: boolean;
  /** Lines of the crontab; none after a removal. */
  lines: string[];
  units: { path: string; text: string }[];
}

/** Prints, installs or removes the schedule. Only our own lines and files are changed. */
export async function schedule(options: ScheduleOptions): Promise<ScheduleReport> {
  return options.systemd === null ? inCrontab(options) : inSystemd(options, options.systemd);
}

async function inCrontab({ program, times, action, run }: ScheduleOptions): Promise<ScheduleReport> {
  const block = action === "remove" ? null : cronBlock(program, times);
  const report = { ok: true, exitCode: 0, action, by: "cron", lines: block ?? [], units: [] } as const;
  if (action === "print") return { ...report, lines: [...report.lines], units: [], changed: false };
  // A user without a crontab is told so by exit code 1, and an empty one is the same.
  const { code, stdout: before } = await run("crontab", ["-l"]);
  if (code === null) throw lacking("crontab", "Install cron, or use --systemd.");
  const after = replaceBlock(code === 0 ? before : "", program.cwd, block);
  const changed = after !== (code === 0 ? before : "");
  if (changed) {
    if (action === "install") await mkdir(program.logDir ?? join(program.cwd, "logs"), { recursive: true });
    const written = await run("crontab", ["-"], after);
    if (written.code !== 0) throw refused("crontab", written.stderr);
  }
  return { ...report, lines: [...report.lines], units: [], changed };
}

async function inSystemd(
  { program, times, action, run }: ScheduleOptions,
  { name, folder, user }: NonNullable<ScheduleOptions["systemd"]>,
): Promise<ScheduleReport> {
  const units = systemdUnits(program, times, { name, user });
  const report = {
    ...({ ok: true, exitCode: 0, action, by: "systemd", lines: [] } as const),
    units: units.map((unit) => ({ path: join(folder, unit.name), text: unit.text })),
  };
  if (action === "print") return { ...report, lines: [], changed: false };
  const there = await Promise.all(units.map((unit) => readOwn(join(folder, unit.name))));
  const systemctl = async (...args: string[]) => {
    const { code, stderr } = await run("systemctl", [...(user === null ? ["--user"] : []), ...args]);
    if (code === null) throw lacking("systemctl", "Use cron: leave --systemd out.");
    if (code !== 0) throw refused("systemctl", stderr);
  };
  const timers = units.map((unit) => unit.name).filter((unit) => unit.endsWith(".timer"));
  if (action === "remove") return remove(report, folder, units, there, timers, systemctl);
  const changed = units.some((unit, place) => there[place] !== unit.text);
  if (changed) {
    await mkdir(folder, { recursive: true });
    for (const unit of units) await writeFile(join(folder, unit.name), unit.text);
    await systemctl("daemon-reload");
  }
  await systemctl("enable", "--now", ...timers);
  return { ...report, lines: [], changed };
}

async function remove(
  report: Omit<ScheduleReport, "changed" | "lines"> & { lines: readonly string[] },
  folder: string,
  units: readonly Unit[],
  there: readonly (string | null)[],
  timers: readonly string[],
  systemctl: (...args: string[]) => Promise<void>,
): Promise<ScheduleReport> {
  const changed = there.some((text) => text !== null);
  if (changed) {
    await systemctl("disable", "--now", ...timers);
    for (const unit of units) await rm(join(folder, unit.name), { force: true });
    await systemctl("daemon-reload");
  }
  return { ...report, lines: [], units: [], changed };
}

/**
 * A unit's text; null where there is none.
 * @throws SyncError USAGE where somebody else has written it
 */
async function readOwn(path: string): Promise<string | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw refused(path, error.code ?? error.name);
  });
  if (text === null || text.startsWith(UNIT_MARK)) return text;
  throw new SyncError({
    code: "USAGE",
    message: `${path} was written by somebody else, and is left as it is.`,
    remedy: "Name the units otherwise with --name, or remove it.",
  });
}

function lacking(command: string, remedy: string): SyncError {
  return new SyncError({ code: "USAGE", message: `There is no ${command} on this machine.`, remedy });
}

function refused(what: string, why: string): SyncError {
  return new SyncError({
    code: "USAGE",
    message: `${what} refused it: ${why.trim().split("\n").at(-1) ?? ""}`,
    remedy: "Without --install, the lines are printed, to be put in place by hand.",
  });
}
