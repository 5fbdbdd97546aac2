import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ExitCode } from "../model/errors.js";

/** How a run of a deployment ended, remembered on this machine: Postgres may be what has failed. */
export interface LastOutcome {
  exitCode: ExitCode;
  /** What tells one trouble from another: the errors' codes, sorted. */
  codes: string[];
  /** ISO 8601, UTC. */
  at: string;
  /** Since when it has been like this. */
  since: string;
  /** Of the last run that exited 0; null where none is remembered. */
  succeededAt: string | null;
  /** The time of each table's watermark, as far as it is known. */
  watermarks: Record<string, string>;
}

const fileOf = (folder: string) => join(folder, "last-outcomes.json");

type Outcomes = Record<string, LastOutcome>;

/** Null where nothing is remembered, or what is there cannot be read. */
export async function readLastOutcome(folder: string, deployment: string): Promise<LastOutcome | null> {
  return (await readAll(folder))[deployment] ?? null;
}

/** Never throws: on a full disk, the next run does not know how this one ended. */
export async function writeLastOutcome(
  folder: string,
  deployment: string,
  outcome: LastOutcome,
): Promise<void> {
  const file = fileOf(folder);
  try {
    const all = { ...(await readAll(folder)), [deployment]: outcome };
    await mkdir(dirname(file), { recursive: true });
    // Whoever reads it meanwhile reads the old one or the new one.
    await writeFile(`${file}.new`, JSON.stringify(all));
    await rename(`${file}.new`, file);
  } catch {
    // As said above.
  }
}

async function readAll(folder: string): Promise<Outcomes> {
  try {
    return JSON.parse(await readFile(fileOf(folder), "utf8")) as Outcomes;
  } catch {
    return {};
  }
}
