import type { Ended } from "./command.js";

/** Exit codes that a run under faults may end with: done, failed, rows set aside, lease held, deletions held back. */
const ALLOWED_EXITS = new Set([0, 1, 3, 4, 5]);

const BUGS = /"INTERNAL"|\(INTERNAL,|This is a bug/;
const REFUSALS =
  /SYSTEMIC_REFUSAL|LINEAGE_MISMATCH|WRONG_SYNC_KEY|UPDATED_AT_DISPUTED|KEY_DISPUTED|PERMISSION_DENIED|NOT_TRACKED|TRACKING_BROKEN/;

/** Why something is not mirrored, or not by deltas: as runs say it with --json, and without. */
const WAITS = /COLUMNS_WAIT|not mirrored yet/;
const SET_ASIDE = /ROWS_SET_ASIDE|cannot be mirrored and/;
const UNMENDED = /is not in order, so each run compares everything\. ([^"\n]*)/g;
/** Why tracking may be left as it is, for the next run to try again. */
const HELD_UP =
  /^(Other sessions were altering, vacuuming or writing to it|It was mended, and is out of order again|By now it is another table)/;
const NOT_THE_OWNER = /^This role may not mend that/;

/**
 * What an end says that no end may say.
 * @param asRunner whether the role owns none of the tables
 */
export function checkEnd({ args, exitCode, stdout, stderr }: Ended, { asRunner = false } = {}): string[] {
  const output = `${stdout}\n${stderr}`;
  const run = `${args.slice(0, 3).join(" ")} (exit code ${exitCode})`;
  const failures: string[] = [];
  if (exitCode !== null && !ALLOWED_EXITS.has(exitCode)) failures.push(`${run} is not an end for a run`);
  if (BUGS.test(output)) failures.push(`${run} met something unexpected: ${lastLines(output)}`);
  if (REFUSALS.test(output)) failures.push(`${run} was refused without reason: ${lastLines(output)}`);
  const lagging = reported(stdout).find(
    ({ error, watermark }) => error?.code === "SCHEMA_LAGS" && watermark.position,
  );
  if (lagging !== undefined)
    failures.push(`${run} stopped ${lagging.table}, which had been loaded, for a new column`);
  const unmended = [...output.matchAll(UNMENDED)].map(([, why]) => why!);
  const unexplained = unmended.find((why) => !HELD_UP.test(why) && !(asRunner && NOT_THE_OWNER.test(why)));
  if (unexplained !== undefined) failures.push(`${run} left the tracking as it was: ${unexplained}`);
  if (exitCode === 3 && unmended.length === 0 && !WAITS.test(output) && !SET_ASIDE.test(output))
    failures.push(`${run} does not say what is not mirrored: ${lastLines(output)}`);
  return failures;
}

interface Report {
  tables: {
    table: string;
    tracking: string | null;
    waiting: string[];
    rejected: number;
    mode: string;
    watermark: { position: string | null };
    error?: { code: string };
  }[];
}

/** The tables of a report; none of a run that printed another one, or was killed. */
function reported(stdout: string): Report["tables"] {
  const text = stdout.trim();
  if (!text.startsWith('{"ok"') || !text.endsWith("}")) return [];
  return (JSON.parse(text) as Partial<Report>).tables ?? [];
}

/**
 * What a run with --json may not say any more when nobody writes.
 * @param last whether runs before it have had the time to mend everything: then there is nothing left to do
 */
export function checkHealed(ended: Ended, { last }: { last: boolean }): string[] {
  const failures = checkEnd(ended);
  const { exitCode, stdout, stderr } = ended;
  if (exitCode !== 0 && exitCode !== 3) {
    const said = lastLines(`${stdout}\n${stderr}`);
    return [...failures, `the last run ended with exit code ${exitCode}: ${said}`];
  }
  for (const { table, tracking, waiting, mode } of (JSON.parse(stdout) as Report).tables) {
    if (waiting.length > 0) failures.push(`${table} still waits for ${waiting.join(", ")}`);
    if (tracking !== "intact" && (last || tracking !== "mended"))
      failures.push(`the tracking of ${table} is ${tracking} when nobody writes`);
    if (last && mode !== "delta")
      failures.push(`${table} is compared though nothing happened: ${lastLines(stdout)}`);
  }
  return failures;
}

/** What shows whether a scenario has met the moments that it is for: as runs say it with --json, and without. */
const MOMENTS: readonly [string, RegExp][] = [
  ["resumed", /RESUMED|goes on where it stopped/],
  ["became full", /BECAME_FULL|compares everything:/],
  ["saw the catalog change", /CATALOG_CHANGED|was changed while this run went on/],
  ["held deletions back", /DELETIONS_HELD_BACK|would be deleted/],
  ["mended", /TRACKING_MENDED|was mended:/],
  ["could not mend", /TRACKING_UNMENDED|is not in order, so each run/],
  ["was not the owner's", /This role may not mend that/],
  ["had columns wait", WAITS],
  ["lost its lease", /LEASE_LOST/],
];

export function momentsMet({ stdout, stderr }: Ended): string {
  const output = `${stdout}\n${stderr}`;
  return MOMENTS.flatMap(([words, shown]) => (shown.test(output) ? [words] : [])).join(" and ");
}

export function lastLines(text: string): string {
  return text.trim().split("\n").slice(-6).join("\n").slice(-1500);
}
