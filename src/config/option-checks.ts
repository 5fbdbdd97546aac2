/**
 * Options are text on the command line and in the environment; these checks read the text. Written without a library:
 * `--help` shows the options, and must not wait for one.
 */
export type Check<T> = (text: string) => Checked<T>;

/** A problem completes "NAME …". */
export type Checked<T> = { ok: true; value: T } | { ok: false; problem: string };

export const anyText: Check<string> = (text) => ({ ok: true, value: text });

/** A whole number of some unit, within bounds. */
export function wholeNumber(min: number, max: number): Check<number> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return { ok: true, value };
    return { ok: false, problem: `must be a whole number from ${min} to ${max}` };
  };
}

/** A positive number, or "unlimited", which becomes Infinity. */
export function rate(max: number): Check<number> {
  return (text) => {
    if (text === "unlimited") return { ok: true, value: Infinity };
    const value = /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : NaN;
    if (value > 0 && value <= max) return { ok: true, value };
    return { ok: false, problem: `must be a number above 0 and at most ${max}, or "unlimited"` };
  };
}

export function oneOf<const T extends string>(values: readonly T[]): Check<T> {
  return (text) => {
    const value = values.find((known) => known === text);
    if (value !== undefined) return { ok: true, value };
    return { ok: false, problem: `must be one of ${values.join(", ")}` };
  };
}

export const path: Check<string> = (text) =>
  text === "" ? { ok: false, problem: "must be a path" } : { ok: true, value: text };

/** A connection string, which a message never quotes. */
export const postgresUrl: Check<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ["postgres:", "postgresql:"].includes(url.protocol)) return { ok: true, value: text };
  return { ok: false, problem: "must be a connection string of Postgres" };
};

/** An address that may hold a secret, which a message therefore never quotes. */
export const httpUrl: Check<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ["http:", "https:"].includes(url.protocol)) return { ok: true, value: text };
  return { ok: false, problem: "must be an address that begins with https:// (or http://)" };
};

/** The same, or `none`, which becomes null. */
export const httpUrlOrNone: Check<string | null> = (text) =>
  text === "none" ? { ok: true, value: null } : httpUrl(text);
