import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Surroundings } from "./check-here.js";
import { good, warning, type Finding } from "./check.js";

/** What starts a run: our name, or a script of package.json. */
const STARTS_A_RUN = /(datahub-sync(\S*)?\s+sync|main\.js\s+sync|sync:convex)\b/;
const STARTS_A_FULL_RUN = /sync:convex:full|\ssync\s.*--(full|deep)\b/;

/**
 * Whether cron or systemd starts runs of this user, deltas and full ones. Which times they have is theirs to say; other
 * schedulers, and other users' crontabs, cannot be seen from here.
 */
export async function checkSchedule(here: Surroundings): Promise<Finding> {
  const texts = [await here.schedule.crontab(), ...(await readAll(here.schedule.files))];
  const lines = texts
    .flatMap((text) => (text ?? "").split("\n"))
    .filter((line) => !/^\s*#/.test(line) && STARTS_A_RUN.test(line));
  const full = lines.filter((line) => STARTS_A_FULL_RUN.test(line));
  const deltas = lines.length - full.length;
  if (deltas > 0 && full.length > 0)
    return good(`${deltas + full.length} lines of cron or systemd start deltas and full runs`);
  if (deltas > 0) {
    return warning(
      "cron or systemd starts deltas, and no full run",
      `A weekly comparison finds what nothing else would. For this user's crontab:\n${cronLine(here, WEEKLY, "sync --full")}`,
    );
  }
  return warning(
    full.length > 0
      ? "cron or systemd starts full runs, and no deltas"
      : "neither this user's crontab nor systemd starts a run",
    `Unless another scheduler does, for \`crontab -e\`:\n${[cronLine(here, EVERY_FOUR_HOURS, "sync"), ...(full.length > 0 ? [] : [cronLine(here, WEEKLY, "sync --full")])].join("\n")}`,
  );
}

const EVERY_FOUR_HOURS = "15 */4 * * *";
const WEEKLY = "45 1 * * 0";

/** With paths from the root: cron's PATH finds little. */
function cronLine({ cwd, program, logDir }: Surroundings, times: string, command: string): string {
  const log = join(logDir ?? join(cwd, "logs"), "cron-sync-convex.log");
  return `${times} cd ${quote(cwd)} && ${program.map(quote).join(" ")} ${command} >> ${quote(log)} 2>&1`;
}

/** For a shell; and cron takes a bare % for the end of the line. */
function quote(path: string): string {
  const text = path.replaceAll("%", "\\%");
  return /^[\w/.@+:=-]+$/.test(path) ? path : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The texts of files, and of the files in folders; what is not there, or not ours to read, is none. */
async function readAll(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const names = await readdir(path).catch(() => null);
      if (names !== null) return readFiles(names.map((name) => join(path, name)));
      return readFiles([path]);
    }),
  );
  return found.flat();
}

async function readFiles(paths: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => "")));
  return texts;
}
