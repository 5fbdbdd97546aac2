/** How often deltas run, as cron and systemd say it. Aside of the full hour, when everybody else's jobs begin. */
export const INTERVALS = {
  "15m": { cron: "*/15 * * * *", systemd: "*:00/15:00" },
  "30m": { cron: "7,37 * * * *", systemd: "*:07/30:00" },
  "1h": { cron: "15 * * * *", systemd: "*:15:00" },
  "2h": { cron: "15 */2 * * *", systemd: "*-*-* 00/2:15:00" },
  "4h": { cron: "15 */4 * * *", systemd: "*-*-* 00/4:15:00" },
  "6h": { cron: "15 */6 * * *", systemd: "*-*-* 00/6:15:00" },
  "12h": { cron: "15 */12 * * *", systemd: "*-*-* 00/12:15:00" },
  "24h": { cron: "15 4 * * *", systemd: "*-*-* 04:15:00" },
} as const;

export type Interval = keyof typeof INTERVALS;

export const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

/** When the weekly comparison runs, by the machine's clock. */
export interface WeeklyTime {
  day: (typeof DAYS)[number];
  hour: number;
  minute: number;
}

/** In the night to Monday at most: whoever mends what it finds works then. */
export const SUNDAY_NIGHT: WeeklyTime = { day: "sun", hour: 1, minute: 45 };

export function weeklyCron({ day, hour, minute }: WeeklyTime): string {
  return `${minute} ${hour} * * ${DAYS.indexOf(day)}`;
}

export function weeklySystemd({ day, hour, minute }: WeeklyTime): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${day[0]!.toUpperCase()}${day.slice(1)} *-*-* ${two(hour)}:${two(minute)}:00`;
}
