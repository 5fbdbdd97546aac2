import { rename, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { loadConfig } from "../../config/load-config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { showAge, showBytes, showCount, showDuration, showNoun, showTime } from "../render/human.js";
import type { ReportFlags } from "../report.js";
import { configInput, runSession } from "../session.js";

const SHOW = { age: showAge, bytes: showBytes, count: showCount, duration: showDuration, time: showTime };

export async function runReport(flags: ReportFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  return runSession({ io, flags, loaded }, async ({ context, print, scrub }) => {
    const { page, runs } = await commands.page({ ...context, config: loaded.config, days: flags.days }, SHOW);
    const file = resolve(io.cwd, flags.out);
    await write(file, scrub(page));
    print(
      { ok: true, exitCode: EXIT.done, file, bytes: Buffer.byteLength(page), runs },
      () => `${flags.out}: ${showNoun(runs, "run")}, ${showBytes(Buffer.byteLength(page))}.`,
    );
    return EXIT.done;
  });
}

/** As a whole: whoever looks at it meanwhile sees the old one or the new one. */
async function write(file: string, page: string): Promise<void> {
  try {
    await writeFile(`${file}.new`, page);
    await rename(`${file}.new`, file);
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new SyncError({
      code: "USAGE",
      message: `${file} cannot be written (${code}).`,
      remedy: "Name another file with --out.",
      cause: error,
    });
  }
}
