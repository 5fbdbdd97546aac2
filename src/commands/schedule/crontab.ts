import { join } from "node:path";
import { INTERVALS, weeklyCron, type Interval, type WeeklyTime } from "../../model/schedule-times.js";

/** What a schedule starts, and where. */
export interface Program {
  /** The folder with .env; absolute. */
  cwd: string;
  /** Node's path and the script's. */
  program: readonly [string, string];
  /** Absolute; null: logs in the folder. */
  logDir: string | null;
  /** `--env-file`, where it is not the default. */
  envFile: string | null;
}

export interface Times {
  every: Interval;
  fullAt: WeeklyTime;
}

/** A line of a crontab, with paths from the root: cron's PATH finds little. */
export function cronLine({ cwd, program, logDir, envFile }: Program, times: string, command: string): string {
  const log = join(logDir ?? join(cwd, "logs"), "cron-sync-convex.log");
  const from = envFile === null ? "" : ` --env-file ${quote(envFile)}`;
  return `${times} cd ${quote(cwd)} && ${program.map(quote).join(" ")} ${command}${from} >> ${quote(log)} 2>&1`;
}

/** Our block: deltas, and the weekly comparison. */
export function cronBlock(program: Program, { every, fullAt }: Times): string[] {
  return [
    `${BEGIN} ${program.cwd}`,
    cronLine(program, INTERVALS[every].cron, "sync"),
    cronLine(program, weeklyCron(fullAt), "sync --full"),
    `${END} ${program.cwd}`,
  ];
}

const BEGIN = "# datahub-sync begins:";
const END = "# datahub-sync ends:";

/**
 * A crontab with our block for a folder in the place of the one that it has; all else stays as it is.
 * @param block null takes it out
 */
export function replaceBlock(crontab: string, cwd: string, block: readonly string[] | null): string {
  const lines = crontab === "" ? [] : crontab.replace(/\n$/, "").split("\n");
  const begin = lines.indexOf(`${BEGIN} ${cwd}`);
  const end = lines.indexOf(`${END} ${cwd}`, begin);
  const kept = begin < 0 || end < 0 ? lines : [...lines.slice(0, begin), ...lines.slice(end + 1)];
  const place = begin < 0 || end < 0 ? kept.length : begin;
  const all = [...kept.slice(0, place), ...(block ?? []), ...kept.slice(place)];
  return all.length === 0 ? "" : `${all.join("\n")}\n`;
}

/** For a shell; and cron takes a bare % for the end of the line. */
function quote(path: string): string {
  const text = path.replaceAll("%", "\\%");
  return /^[\w/.@+:=-]+$/.test(path) ? path : `'${text.replaceAll("'", "'\\''")}'`;
}
