import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cronLine, type Program } from "../schedule/crontab.js";
import { INTERVALS, SUNDAY_NIGHT, weeklyCron } from "../../model/schedule-times.js";
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
  const weekly = cronLine(programOf(here), weeklyCron(SUNDAY_NIGHT), "sync --full");
  if (deltas > 0 && full.length > 0)
    return good(`${deltas + full.length} lines of cron or systemd start deltas and full runs`);
  if (deltas > 0) {
    return warning(
      "cron or systemd starts deltas, and no full run",
      `A weekly comparison finds what nothing else would. For this user's crontab:\n${weekly}`,
    );
  }
  return warning(
    full.length > 0
      ? "cron or systemd starts full runs, and no deltas"
      : "neither this user's crontab nor systemd starts a run",
    [
      "Unless another scheduler does, `datahub-sync cron --install` puts in place, or `crontab -e` by hand:",
      cronLine(programOf(here), INTERVALS["4h"].cron, "sync"),
      ...(full.length > 0 ? [] : [weekly]),
    ].join("\n"),
  );
}

const programOf = ({ cwd, program, logDir }: Surroundings): Program => ({
  ...{ cwd, program, logDir, envFile: null },
});

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
