import sparkly from "sparkly";
import type { RunSummary } from "../../model/report.js";
import { showBytes, showDuration, showNoun } from "./human.js";
import type { Paint } from "./paint.js";

/** Runs that a line of a terminal has room for. */
const SHOWN = 40;
const FEWEST = 10;

/** What stands left and right of a picture. */
const BESIDE = 32;

/** How it has been going: small pictures, oldest first, each with its highest value. */
export function renderRecentRuns(newestFirst: readonly RunSummary[], paint: Paint): string[] {
  // A first load would make all others look like nothing.
  const runs = newestFirst
    .filter(({ loaded }) => !loaded)
    .slice(0, Math.min(SHOWN, Math.max(FEWEST, paint.width - BESIDE)))
    .reverse();
  if (runs.length < 2) return [];
  const failed = runs.filter((run) => run.failed.length > 0).length;
  const picture = (name: string, values: number[], show: (value: number) => string) =>
    `  ${name.padEnd(8)}  ${drawn(values)}  up to ${show(Math.max(...values))}`;
  const changed = runs.map(({ totals }) => totals.inserted + totals.updated + totals.deleted);
  const io = runs.map(({ totals }) => totals.bytesRead + totals.bytesWritten);
  return [
    `The last ${showNoun(runs.length, "run")}, oldest first${failed === 0 ? "" : paint.red(`; ${failed} failed`)}:`,
    picture("changed", changed, (value) => showNoun(value, "row")),
    picture(
      "took",
      runs.map(({ durationMs }) => durationMs),
      showDuration,
    ),
    picture("I/O", io, showBytes),
    ...(failed === 0
      ? []
      : [`  ${"failed".padEnd(8)}  ${runs.map((run) => (run.failed.length > 0 ? "×" : "·")).join("")}`]),
    "",
  ];
}

/** All alike is no news: a line at the bottom. */
function drawn(values: readonly number[]): string {
  const highest = Math.max(...values);
  return sparkly([...values], { minimum: 0, maximum: highest === 0 ? 1 : highest });
}

/** The usual time between two runs, in seconds; null where there are too few to say. */
export function usualGapSeconds(newestFirst: readonly RunSummary[]): number | null {
  const starts = newestFirst.map(({ startedAt }) => Date.parse(startedAt));
  const gaps = starts.slice(1).map((start, place) => (starts[place]! - start) / 1000);
  if (gaps.length < 3) return null;
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)]!;
}

/** A mirror's age beside what is usual: one run left out is yellow, more are red. */
export function paintAge(text: string, ageSeconds: number, gapSeconds: number | null, paint: Paint): string {
  // A minute is never old: by hand, runs follow each other at once.
  if (gapSeconds === null || ageSeconds < 60) return text;
  const gaps = ageSeconds / gapSeconds;
  return gaps > 4 ? paint.red(text) : gaps > 2 ? paint.yellow(text) : paint.green(text);
}
