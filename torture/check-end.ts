import type { Ended } from "./command.js";

/** Exit codes that a run under fire may end with: done, failed, rows aside, lease held, deletions held back. */
const ALLOWED_EXITS = new Set([0, 1, 3, 4, 5]);

const BUGS = /"INTERNAL"|\(INTERNAL,|This is a bug/;
const REFUSALS = /SYSTEMIC_REFUSAL|LINEAGE_MISMATCH|SCHEMA_LAGS|WRONG_SYNC_KEY|UPDATED_AT_DISPUTED/;
/** What a run answers to tables that were changed under their tracking, until `migrate` has run. */
const DRIFT = /NOT_TRACKED|TRACKING_BROKEN/;

/**
 * What an end says that no end may say.
 * @param drifted whether the tables were not as they were tracked, at any time of the run
 */
export function checkEnd({ args, exitCode, stdout, stderr }: Ended, { drifted = false } = {}): string[] {
  const output = `${stdout}\n${stderr}`;
  const told = `${args.slice(0, 3).join(" ")} (exit code ${exitCode})`;
  const failures: string[] = [];
  if (exitCode !== null && !ALLOWED_EXITS.has(exitCode)) failures.push(`${told} is not an end for a run`);
  if (BUGS.test(output)) failures.push(`${told} met something unexpected: ${lastLines(output)}`);
  if (REFUSALS.test(output) || (DRIFT.test(output) && !drifted))
    failures.push(`${told} was refused without reason: ${lastLines(output)}`);
  return failures;
}

/** What shows whether a theme has met the moments that it is for: as runs say it with --json, and without. */
const MOMENTS: readonly [string, RegExp][] = [
  ["resumed", /RESUMED|goes on where it stopped/],
  ["became full", /BECAME_FULL|compares everything:/],
  ["saw the catalog change", /CATALOG_CHANGED|was changed while this run went on/],
  ["held deletions back", /DELETIONS_HELD_BACK|would be deleted/],
  ["refused a table", DRIFT],
  ["lost its lease", /LEASE_LOST/],
];

export function momentsMet({ stdout, stderr }: Ended): string {
  const output = `${stdout}\n${stderr}`;
  return MOMENTS.flatMap(([words, shown]) => (shown.test(output) ? [words] : [])).join(" and ");
}

export function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join("\n").slice(-1500);
}
