import { InvalidArgumentError, Option, type Command } from "commander";
import { DAYS, INTERVALS, SUNDAY_NIGHT, type Interval, type WeeklyTime } from "../model/schedule-times.js";
import { VERBOSE } from "./flags.js";

export interface CronFlags {
  every: Interval;
  fullAt: WeeklyTime;
  systemd?: boolean;
  watch?: boolean;
  name: string;
  install?: boolean;
  remove?: boolean;
  json?: boolean;
  envFile?: string;
  verbose?: boolean;
}

export function defineCron(command: Command): Command {
  return command
    .description(
      "print the lines that start runs, for cron or systemd, and put them in place or take them away",
    )
    .addOption(
      new Option("--every <interval>", "how often deltas run").choices(Object.keys(INTERVALS)).default("4h"),
    )
    .addOption(
      new Option("--full-at <time>", "when the weekly comparison runs, by this machine's clock")
        .argParser(readWeekly)
        .default(SUNDAY_NIGHT, "sun-01:45"),
    )
    .option("--systemd", "timers and services in the place of a crontab's lines")
    .option("--watch", "with --systemd: a service that mirrors what commits, in the place of timers")
    .addOption(
      new Option("--name <name>", "what the units of systemd are called")
        .argParser(readName)
        .default("datahub-sync"),
    )
    .addOption(
      new Option("--install", "put them in place; what else is there stays as it is").conflicts("remove"),
    )
    .option("--remove", "take them away again")
    .option("--json", "print one JSON object on standard output, and nothing else there")
    .option(
      "--env-file <file>",
      "the file of variables that the runs read, where it is another one than .env",
    )
    .option(...VERBOSE)
    .addHelpText(
      "after",
      `
It changes the crontab of the user who calls it, or as root the system's units, else the user's own.

Examples:
  $ datahub-sync cron                                  what would be put in place
  $ datahub-sync cron --install
  $ datahub-sync cron --every 1h --full-at sat-23:30 --install
  $ sudo datahub-sync cron --systemd --install
  $ sudo datahub-sync cron --systemd --watch --install
  $ datahub-sync cron --remove`,
    );
}

function readWeekly(text: string): WeeklyTime {
  const [, name, hour, minute] = /^(\w{3})-(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const day = DAYS.find((known) => known === name);
  if (day === undefined || Number(hour) > 23 || Number(minute) > 59)
    throw new InvalidArgumentError("It must be a day and a time: sun-01:45.");
  return { day, hour: Number(hour), minute: Number(minute) };
}

function readName(text: string): string {
  if (/^[\w-]{1,100}$/.test(text)) return text;
  throw new InvalidArgumentError("It may have letters, digits, - and _.");
}
