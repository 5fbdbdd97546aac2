import pc from "picocolors";
import { format } from "winston";

/** For a person who watches: `sow_poles: 12 rows read`, with a word before it only when it is not good news. */
export function formatForTerminal(colour: boolean) {
  const { yellow, red, dim } = pc.createColors(colour);
  const marks: Record<string, string> = { warn: yellow("warning: "), error: red("error: ") };
  return format.printf((info) => {
    const text = `${marks[info.level] ?? ""}${withTable(info)}`;
    return info.level === "debug" ? dim(text) : text;
  });
}

/** For a log that cron collects: `2025-11-22T10:15:00.000Z info  sow_poles: 12 rows read`. */
export function formatForCron() {
  return format.printf((info) => `${String(info["time"])} ${info.level.padEnd(5)} ${withTable(info)}`);
}

function withTable(info: { message: unknown; table?: unknown }): string {
  const message = String(info.message);
  return typeof info.table === "string" ? `${info.table}: ${message}` : message;
}
