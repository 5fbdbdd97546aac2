import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SyncError } from "../../model/errors.js";
import { cronBlock, replaceBlock, type Program, type Times } from "./crontab.js";
import { systemdUnits, UNIT_MARK, watchUnit } from "./units.js";

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
  systemd: { name: string; folder: string; user: string | null; watch: boolean } | null;
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
  { name, folder, user, watch }: NonNullable<ScheduleOptions["systemd"]>,
): Promise<ScheduleReport> {
  const timed = systemdUnits(program, times, { name, user });
  const units = watch ? [watchUnit(program, { name, user })] : timed;
  const report = {
    ...({ ok: true, exitCode: 0, action, by: "systemd", lines: [] } as const),
    units: units.map((unit) => ({ path: join(folder, unit.name), text: unit.text })),
  };
  if (action === "print") return { ...report, lines: [], changed: false };
  // Whatever of ours is there: the units of timers give way to a watch, and the other way round.
  const names = [...new Set([...timed, ...units].map((unit) => unit.name))];
  const there = new Map<string, string>();
  for (const unit of names) {
    const text = await readOwn(join(folder, unit));
    if (text !== null) there.set(unit, text);
  }
  const systemctl = async (...args: string[]) => {
    const { code, stderr } = await run("systemctl", [...(user === null ? ["--user"] : []), ...args]);
    if (code === null) throw lacking("systemctl", "Use cron: leave --systemd out.");
    if (code !== 0) throw refused("systemctl", stderr);
  };
  const starting = (unit: string) =>
    unit.endsWith(".timer") || there.get(unit)?.includes("WantedBy=") === true;
  const remove = async (gone: readonly string[]) => {
    const started = gone.filter(starting);
    if (started.length > 0) await systemctl("disable", "--now", ...started);
    for (const unit of gone) await rm(join(folder, unit));
  };
  if (action === "remove") {
    if (there.size === 0) return { ...report, lines: [], units: [], changed: false };
    await remove([...there.keys()]);
    await systemctl("daemon-reload");
    return { ...report, lines: [], units: [], changed: true };
  }
  const kept = new Map(units.map((unit) => [unit.name, unit.text]));
  const gone = [...there.keys()].filter((unit) => !kept.has(unit));
  const changed = gone.length > 0 || [...kept].some(([unit, text]) => there.get(unit) !== text);
  await remove(gone);
  if (changed) {
    await mkdir(folder, { recursive: true });
    for (const [unit, text] of kept) await writeFile(join(folder, unit), text);
    await systemctl("daemon-reload");
  }
  const started = watch ? [...kept.keys()] : [...kept.keys()].filter((unit) => unit.endsWith(".timer"));
  await systemctl("enable", "--now", ...started);
  // One that runs goes on as it was started.
  if (watch && changed && there.size > 0) await systemctl("restart", ...started);
  return { ...report, lines: [], changed };
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
