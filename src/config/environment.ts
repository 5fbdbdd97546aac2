/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The one place that reads the process's environment. */
export function processEnvironment(): Environment {
  return process.env;
}

/**
 * Whether to colour what goes to a stream: on a terminal, unless NO_COLOR is set to anything
 * (https://no-color.org) or the terminal is dumb.
 */
export function wantsColour(stream: { isTTY?: boolean | undefined }, environment: Environment): boolean {
  return stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}
