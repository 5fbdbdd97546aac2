/** One line of the result: a measured quantity, and what it is to be held against. */
export interface Finding {
  what: string;
  measured: string;
  against: string;
  /** How many times as much, or as little; machines differ, ratios hardly do. */
  ratio: string;
}

const COUNT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

export const count = (value: number, unit = "") => `${COUNT.format(value)}${unit && ` ${unit}`}`;
export const seconds = (ms: number) => `${FINE.format(ms / 1000)} s`;

/** In the largest unit of which there is one: `4.4 KiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${COUNT.format(bytes)} B`;
  if (bytes < 1024 * 1024) return `${FINE.format(bytes / 1024)} KiB`;
  return `${FINE.format(bytes / 1024 / 1024)} MiB`;
}

/** `0.3 ×`; of two times, counts or sizes in the same unit. */
export function ratio(value: number, base: number): string {
  if (base === 0) return "-";
  const times = value / base;
  return `${times === 0 ? "0" : times < 0.1 ? Number(times.toPrecision(1)) : FINE.format(times)} ×`;
}
