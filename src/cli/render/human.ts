/** Numbers, durations and times for people. English, UTC, and the same on every machine. */

const COUNT = new Intl.NumberFormat("en-US");
const ONE_DECIMAL = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** `23,700`. */
export function showCount(count: number | bigint): string {
  return COUNT.format(count);
}

/** `1 row`, `23,700 rows`. */
export function showNoun(count: number, one: string, many = `${one}s`): string {
  return `${showCount(count)} ${count === 1 ? one : many}`;
}

/** Seconds with one decimal: `3.1`. */
export function showSeconds(durationMs: number): string {
  return ONE_DECIMAL.format(durationMs / 1000);
}

/** `0.4 s`, `4 min 12 s`, `2 h 5 min`. */
export function showDuration(durationMs: number): string {
  if (durationMs < 59_950) return `${showSeconds(durationMs)} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${showCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** The largest unit alone: `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function showAge(seconds: number): string {
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${showCount(Math.floor(seconds / 86_400))} d ago`;
}

/** `812 B`, `1.2 KiB`, `23.4 MiB`. */
export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${showCount(bytes)} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [bytes / 1024, 0];
  // 1,023.95 would be shown as 1,024.0.
  while (value >= 1023.95 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${ONE_DECIMAL.format(value)} ${units[unit]}`;
}

/** `2025-11-22 10:15:03`, in UTC. Text that is no time comes back as it is. */
export function showTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : time.toISOString().slice(0, 19).replace("T", " ");
}

/** `a, b and c`. */
export function showList(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
