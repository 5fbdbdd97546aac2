import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "dotenv";
import type { Environment } from "./environment.js";
import type { Problem } from "./problems.js";

/** A place that variables come from. */
export interface VariableSource {
  /** For messages: "the environment", ".env.local". */
  label: string;
  values: Environment;
}

export interface VariableSources {
  /** The first that has a variable wins. */
  sources: VariableSource[];
  /** Where a missing variable was looked for, to end a sentence: "in the environment or in .env (/srv/app)". */
  searched: string;
  problems: Problem[];
  warnings: string[];
}

const DEFAULT_FILES = [".env.local", ".env"] as const;

/**
 * The environment, then the env files of the working directory (or the one named by `--env-file`, instead of
 * both). The files are parsed, never loaded: `process.env` stays as it is, for this process and its children.
 */
export function readVariableSources(
  cwd: string,
  environment: Environment,
  envFile: string | null,
): VariableSources {
  const wanted = wantedFiles(envFile);
  const found = findEnvFiles(cwd, envFile);
  const problems: Problem[] = [];
  const sources: VariableSource[] = [{ label: "the environment", values: environment }];
  for (const file of found) {
    try {
      sources.push({ label: file, values: parse(readFileSync(resolve(cwd, file))) });
    } catch (error) {
      problems.push({
        kind: "invalid",
        message: `The env file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"}).`,
        remedy: "Make it a file that the user of this process may read.",
      });
    }
  }
  if (envFile !== null && found.length === 0) {
    problems.push({
      kind: "missing",
      message: `There is no file ${envFile}, which --env-file names.`,
      remedy: `Create it, or name another; it was looked for in ${cwd}.`,
    });
  }
  const warnings = envFile === null ? [] : warnOfOverrides(sources);
  return { sources, searched: describeSearch(cwd, wanted, found), problems, warnings };
}

/** The files among those that variables are read from that are there, as they were named. */
export function findEnvFiles(cwd: string, envFile: string | null): string[] {
  return wantedFiles(envFile).filter((file) => existsSync(resolve(cwd, file)));
}

function wantedFiles(envFile: string | null): readonly string[] {
  return envFile === null ? DEFAULT_FILES : [envFile];
}

/** A file that was named on purpose and is overruled: the run may go to another database than its user thinks. */
function warnOfOverrides([environment, file]: VariableSource[]): string[] {
  if (environment === undefined || file === undefined) return [];
  return Object.entries(file.values)
    .filter(([name, value]) => environment.values[name]?.trim() && environment.values[name] !== value)
    .map(([name]) => `${name} of the environment is used, not that of ${file.label}.`);
}

function describeSearch(cwd: string, wanted: readonly string[], found: readonly string[]): string {
  if (found.length > 0) return `in the environment or in ${found.join(" or ")}`;
  return `in the environment, and there is no ${wanted.join(" or ")} in ${cwd}`;
}
