import { SyncError } from "../model/errors.js";

/** One thing that is wrong with the configuration. Several are collected and reported together. */
export interface Problem {
  kind: "missing" | "invalid" | "usage";
  /** One sentence that names the variable, flag or file. Never a secret's value. */
  message: string;
  /** Where to get the value, or what to write instead. */
  remedy: string;
  /** What explains all that may stand there; absent where the remedy says enough. */
  seeAlso?: string;
}

const VARIABLES = ".env.example explains every variable.";

const CODE = { missing: "CONFIG_MISSING", invalid: "CONFIG_INVALID", usage: "USAGE" } as const;

/** One error for all problems: nobody wants to mend a configuration one message at a time. */
export function configError(problems: readonly [Problem, ...Problem[]]): SyncError {
  const [first, ...rest] = problems;
  const code = rest.every((problem) => problem.kind === first.kind) ? CODE[first.kind] : "CONFIG_INVALID";
  if (rest.length === 0) {
    return new SyncError({
      code,
      message: first.message,
      remedy: [first.remedy, first.seeAlso].filter(Boolean).join(" "),
    });
  }
  const list = problems.map(({ message, remedy }, index) => `  ${index + 1}. ${message}\n     ${remedy}`);
  const explained = new Set(problems.map(({ seeAlso }) => seeAlso ?? VARIABLES));
  return new SyncError({
    code,
    message: `The configuration has ${problems.length} problems:\n${list.join("\n")}`,
    remedy: `Mend these and run the command again. ${[...explained].join(" ")}`,
  });
}
