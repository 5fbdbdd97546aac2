import type { ScheduleReport } from "../../commands/schedule/schedule.js";
import type { Paint } from "./paint.js";

/** The lines as they can be copied, and what was done with them. */
export function renderSchedule({ action, by, changed, lines, units }: ScheduleReport, paint: Paint): string {
  const shown =
    by === "cron"
      ? lines
      : units.flatMap(({ path, text }) => [paint.dim(`# ${path}`), ...text.trimEnd().split("\n"), ""]);
  const where = by === "cron" ? "this user's crontab" : "systemd";
  const closing = {
    print: "--install puts them in place.",
    install: changed
      ? `They are in ${where} now. datahub-sync doctor finds them; datahub-sync notify --test tries who is told.`
      : `They were in ${where} already.`,
    remove: changed ? `They are gone from ${where}.` : `There were none of ours in ${where}.`,
  }[action];
  return [...(shown.length === 0 ? [] : [...shown, ""]), paint.bold(closing)].join("\n");
}
