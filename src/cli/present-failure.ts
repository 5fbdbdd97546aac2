import { wantsColour } from "../config/environment.js";
import type { ExitCode } from "../model/errors.js";
import type { CliIo } from "./cli-io.js";
import { Scrubber } from "./logging/scrubber.js";
import { failureReport, renderFailure, toFailure } from "./render/failure.js";
import { createPaint } from "./render/paint.js";

/** Shows a failure: the message on standard error, with `--json` also an object on standard output. */
export function presentFailure(
  error: unknown,
  io: CliIo,
  flags: { json?: boolean; verbose?: boolean },
  scrubber = new Scrubber(),
): ExitCode {
  const failure = toFailure(error);
  const paint = createPaint(wantsColour(io.stderr, io.environment));
  io.stderr.write(
    `${timePrefix(io)}${scrubber.scrub(renderFailure(failure, flags.verbose === true, paint))}\n`,
  );
  if (flags.json) io.stdout.write(`${scrubber.scrub(JSON.stringify(failureReport(failure)))}\n`);
  return failure.exitCode;
}

/** Lines that cron collects say when they were written. */
export function timePrefix(io: CliIo): string {
  return io.stderr.isTTY === true ? "" : `${new Date(io.clock.now()).toISOString()} `;
}
