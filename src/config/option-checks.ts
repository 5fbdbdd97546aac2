import { z } from "zod";

/** Options are text on the command line and in the environment; these checks read the text. */

/** A whole number of some unit, within bounds. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** A positive number, or "unlimited", which becomes Infinity. */
export function rate(max: number) {
  const message = `must be a number above 0 and at most ${max}, or "unlimited"`;
  return z
    .string()
    .regex(/^(unlimited|\d{1,15}(\.\d{1,15})?)$/, message)
    .transform((text) => (text === "unlimited" ? Infinity : Number(text)))
    .refine((value) => value > 0 && (value <= max || value === Infinity), message);
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: `must be one of ${values.join(", ")}` });
}

export const path = z.string().min(1, "must be a path");
