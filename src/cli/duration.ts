import { InvalidArgumentError } from "commander";

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

export const HOUR_SECONDS = SECONDS.h;

/** Reads a time as flags have it, `90m`; in seconds, above 0. */
export function readDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  const seconds = Number(digits ?? 0) * SECONDS[(unit ?? "s") as keyof typeof SECONDS];
  if (seconds === 0) throw new InvalidArgumentError("It must be a number and s, m, h or d: 90m, 6h, 2d.");
  return seconds;
}
