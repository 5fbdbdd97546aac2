import { EXIT, type ExitCode } from "./errors.js";

interface ExitDescription {
  /** As `--help` prints it. */
  meaning: string;
  todo: string;
  /** A section of `docs/` that says more, by its path there. */
  more?: string;
}

/** What each exit code means, as `--help` and docs/reference/exit-codes.md say it. */
export const EXIT_CODES: Record<ExitCode, ExitDescription> = {
  [EXIT.done]: { meaning: "done", todo: "nothing" },
  [EXIT.failed]: {
    meaning: "failed",
    todo:
      "read the message: a table failed, the run could not begin, or its output could not be written. Nothing is lost: when the cause " +
      "is gone, the next run goes on where this one stopped",
    more: "reference/errors.md",
  },
  [EXIT.usage]: {
    meaning: "usage or configuration",
    todo: "mend the command, the environment or the configuration file; nothing was run",
    more: "reference/errors.md#configuration-and-usage",
  },
  [EXIT.incomplete]: {
    meaning: "done, but something is not mirrored: rows set aside, columns that wait, tracking to mend",
    todo: "the run says which, and each run says it again until it is done; what is not mirrored by deltas is compared by each run",
    more: "operations.md#when-something-is-not-mirrored",
  },
  [EXIT.leaseHeld]: {
    meaning: "another run works on all tables that were asked for, or on some, and the others are done",
    todo: "nothing, the other run brings them up to date; if it happens on every run, the runs take longer than the time between them",
    more: "operations.md#overlapping-and-crashed-runs",
  },
  [EXIT.deletionsHeldBack]: {
    meaning: "deletions were held back by the guard",
    todo: "decide whether they are meant; all else is done, and the code is repeated until you have",
    more: "operations.md#deletions-held-back",
  },
  [EXIT.stale]: {
    meaning:
      "status: a table was never loaded, or has a problem; doctor: a precondition is not met; verify: the sides differ; health: a table is too old",
    todo: "the report says what; until it is mended, the table falls behind",
    more: "reading-a-run.md#status",
  },
};

/** For code that walks the table, in the order of the codes. */
export const EXIT_CODE_ROWS = Object.entries(EXIT_CODES);
