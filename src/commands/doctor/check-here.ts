import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { AlertConfig } from "../../model/alert-config.js";
import type { SyncError } from "../../model/errors.js";
import { failure, good, problem, warning, type Checks, type Finding } from "./check.js";
import { checkSchedule } from "./check-schedule.js";

/** What a command knows of the machine that it runs on. */
export interface Surroundings {
  cwd: string;
  /** Of Node, as `process.versions.node` has it. */
  nodeVersion: string;
  /** What starts this command line: Node's path and the script's. */
  program: readonly [string, string];
  /** The files that variables were read from, as they were named. */
  envFiles: readonly string[];
  /** What is wrong with the configuration; null where nothing is. */
  configProblem: SyncError | null;
  /** What works in the configuration but should be looked at. */
  warnings: readonly string[];
  /** Who is told of runs; null where the configuration does not say. */
  alerts: AlertConfig | null;
  /** Absolute; null where the configuration does not say. */
  logDir: string | null;
  /** Looks for lines that start us. */
  schedule: { files: readonly string[]; crontab: () => Promise<string | null> };
}

/** Free bytes below which a log folder is said to be short of space: some months of logs. */
const LITTLE_SPACE = 100_000_000;

/** What does not need either side. */
export async function checkHere(checks: Checks, here: Surroundings): Promise<void> {
  checks.add("here", "Node", good(`version ${here.nodeVersion}`));
  checks.add("here", "configuration", configuration(here));
  const open = await findOpenFiles(here);
  if (here.envFiles.length > 0) {
    checks.add(
      "here",
      "secrets",
      open.length === 0
        ? good(`${here.envFiles.join(", ")} can be read by its owner alone`)
        : openFiles(open),
    );
  }
  if (here.logDir !== null) checks.add("here", "log folder", await logFolder(here.logDir));
  checks.add("here", "schedule", await checkSchedule(here));
  if (here.alerts !== null) checks.add("here", "alerts", alerts(here.alerts));
}

function configuration({ configProblem, warnings, envFiles }: Surroundings): Finding {
  if (configProblem !== null) return failure(configProblem);
  if (warnings.length > 0)
    return warning(warnings.join(" "), "Change what is meant otherwise; runs say it too.");
  const from = ["the environment", ...envFiles].join(" and ");
  return good(`complete; variables are read from ${from}`);
}

function alerts({ pings, webhook }: AlertConfig): Finding {
  const told = [
    ...(pings.success === null && pings.failure === null ? [] : ["a monitor"]),
    ...(webhook === null ? [] : ["a webhook"]),
  ];
  if (told.length > 0)
    return good(
      `${told.join(" and ")} ${told.length === 1 ? "is" : "are"} told; \`datahub-sync notify --test\` tries it`,
    );
  return warning(
    "nobody is told where a run fails",
    "Set DATAHUB_SYNC_PING_URL or DATAHUB_SYNC_WEBHOOK_URL: docs/alerts.md says how. Unless somebody looks at exit codes.",
  );
}

/** The files with secrets that other users of this machine may read. Windows has no such modes. */
async function findOpenFiles({ cwd, envFiles }: Surroundings): Promise<string[]> {
  if (process.platform === "win32") return [];
  const modes = await Promise.all(envFiles.map(async (file) => (await stat(resolve(cwd, file))).mode));
  return envFiles.filter((_, place) => (modes[place]! & 0o077) !== 0);
}

function openFiles(files: readonly string[]): Finding {
  const names = files.join(" ");
  return warning(
    `other users of this machine may read ${files.join(", ")}`,
    `Take that from them: chmod 600 ${names}`,
  );
}

async function logFolder(directory: string): Promise<Finding> {
  const existing = await nearestFolder(directory);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(existing);
    const free = bavail * bsize;
    if (free < LITTLE_SPACE) {
      return warning(
        `${directory} has ${Math.floor(free / 1e6)} MB left`,
        "Make space: without it, runs go on and their logs are lost.",
      );
    }
    return good(
      existing === directory ? `${directory} can be written` : `${directory} will be made by the first run`,
    );
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    return problem(
      `${existing} cannot be written (${code})`,
      "Let this user write there, or name another folder with DATAHUB_SYNC_LOG_DIR. Runs go on without their log.",
    );
  }
}

/** The folder itself, or the one in which it would be made. */
async function nearestFolder(directory: string): Promise<string> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => null);
    if (found !== null || folder === dirname(folder)) return folder;
  }
}
