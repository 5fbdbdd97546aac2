import type { Clock } from "../model/clock.js";
import type { Environment } from "../config/environment.js";

/** A stream as the command line sees it: a terminal, a pipe, or a test's buffer. */
export interface OutputStream extends NodeJS.WritableStream {
  isTTY?: boolean | undefined;
  /** Of a terminal: characters in a line. */
  columns?: number | undefined;
}

/** The outside world of one invocation. */
export interface CliIo {
  stdout: OutputStream;
  stderr: OutputStream;
  environment: Environment;
  cwd: string;
  clock: Clock;
  /** Aborted when the command should end. */
  signal: AbortSignal;
}
