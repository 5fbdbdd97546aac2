import { loadConfig } from "../../config/load-config.js";
import { EXIT, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { showTime } from "../render/human.js";
import { renderStatusReport } from "../render/status-report.js";
import { configInput, runSession, type Session } from "../session.js";
import type { StatusFlags } from "../status.js";

/** Between two looks, in seconds. */
const USUAL_PAUSE = 10;

/** Clears a terminal, and begins at its top. */
const CLEAR = "\x1b[2J\x1b[3J\x1b[H";

export async function runStatus(flags: StatusFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async (session) => {
    const { context, print } = session;
    const look = async (above = "") => {
      const report = await commands.status({ ...context, config });
      if (above !== "" && io.stdout.isTTY === true && !flags.json) io.stdout.write(CLEAR);
      print(report, (paint) => `${above}${renderStatusReport(report, io.clock.now(), paint)}`);
      return report.exitCode;
    };
    if (flags.watch === undefined) return look();
    return watch(session, flags.watch === true ? USUAL_PAUSE : flags.watch, io, look);
  });
}

/** Until somebody has seen enough, which is how it is meant to end. */
async function watch(
  { context: { clock, signal }, log }: Session,
  seconds: number,
  io: CliIo,
  look: (above: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  while (!signal.aborted) {
    try {
      exitCode = await look(
        `${showTime(new Date(io.clock.now()).toISOString())} UTC, every ${seconds} s; Ctrl-C ends it\n\n`,
      );
      await clock.sleep(seconds * 1000, signal);
    } catch (error) {
      if (signal.aborted) return exitCode;
      // Whoever watches wants to see it come back.
      log.warn(error instanceof Error ? error.message : "The status could not be read.");
      await clock.sleep(seconds * 1000, signal).catch(() => {});
    }
  }
  return exitCode;
}
