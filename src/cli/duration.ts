import { InvalidArgumentError } from "commander";

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

const HOW = "It must be a number and s, m, h or d: 90m, 6h, 2d.";

export const HOUR_SECONDS = SECONDS.h;

/** Reads a time as flags have it, `90m`; in seconds, above 0. */
export function readDuration(text: string): number {
  const seconds = readDurationOrZero(text);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError(HOW);
}

/** The same, and `0s`. */
export function readDurationOrZero(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  const seconds = Number(digits ?? NaN) * SECONDS[(unit ?? "s") as keyof typeof SECONDS];
  if (Number.isNaN(seconds)) throw new InvalidArgumentError(HOW);
  return seconds;
}
