import type { ExitCode } from "./errors.js";

/** Where a precondition lies. */
export type CheckArea = "here" | "postgres" | "convex" | "tables";

/** One precondition of a run, and how it stands. */
export interface Check {
  area: CheckArea;
  /** What was looked at: a table's name in the area `tables`. */
  name: string;
  /** `left-out`: something that it rests on is not there, as `finding` says. */
  outcome: "ok" | "warning" | "problem" | "left-out";
  /** What was found, in a sentence or two. Never a secret or a row's value. */
  finding: string;
  /** What to do; null where nothing has to be done. */
  remedy: string | null;
}

export interface DoctorReport {
  /** No check found a problem. */
  ok: boolean;
  exitCode: ExitCode;
  checks: Check[];
}
