import { loadConfig } from "../../config/load-config.js";
import type { AdoptionReport, AdoptionTable } from "../../model/adoption-report.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { AdoptFlags } from "../adopt.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { createProgress } from "../progress.js";
import { renderAdoption, renderStrangers } from "../render/adoption-report.js";
import { configInput, runSession, type Session } from "../session.js";

export async function runAdopt(flags: AdoptFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(configInput(io, flags), "both");
  const { config } = loaded;
  return runSession({ io, flags, loaded }, async (session) => {
    const { context, log, screen, interactive, unattended, print } = session;
    const tables = await commands.findStrangers({ ...context, config });
    const done = (report: AdoptionReport): ExitCode => {
      log.record("info", "adopt ended", { report });
      print(report, (paint) => renderAdoption(report, flags, paint));
      return report.exitCode;
    };
    const failed = tables.some(({ error }) => error !== undefined);
    const concerned = tables
      .filter((table) => table.error === undefined && isConcerned(table, flags))
      .map(({ table }) => table);
    if (flags.dryRun || concerned.length === 0) {
      const exitCode = failed ? EXIT.failed : EXIT.done;
      return done({ ok: !failed, exitCode, tables, run: null });
    }
    if (!(await agree(flags, io, session, tables)))
      return done({ ok: true, exitCode: EXIT.done, tables, run: null });
    const progress = createProgress(log, screen, { bar: interactive, later: unattended });
    const run = await commands.sync({
      ...context,
      config: { ...config, mirrors: config.mirrors.filter(({ name }) => concerned.includes(name)) },
      mode: "full",
      allowDeletes: [],
      removeStrangers: flags.remove ? concerned : [],
      takeOver: false,
      adopt: concerned,
      progress,
    });
    progress.stop();
    return done({
      ok: run.ok && !failed,
      exitCode: failed && run.ok ? EXIT.failed : run.exitCode,
      tables,
      run,
    });
  });
}

/** Where there is nothing to take over, nothing is run, unless what is nobody's is to go. */
function isConcerned(
  { equal, differing, withoutRow, doubles, withoutKey }: AdoptionTable,
  { remove }: AdoptFlags,
): boolean {
  return equal + differing > 0 || (remove === true && withoutRow + doubles + withoutKey > 0);
}

async function agree(
  flags: AdoptFlags,
  io: CliIo,
  { interactive }: Session,
  tables: readonly AdoptionTable[],
): Promise<boolean> {
  if (flags.yes) return true;
  if (!interactive || io.stdout.isTTY !== true || !process.stdin.isTTY) {
    throw new SyncError({
      code: "USAGE",
      message: "Documents are taken over only after a yes, and there is no terminal to ask at.",
      remedy: "Look with --dry-run, and add --yes.",
    });
  }
  const { askWhether } = await import("./init-prompts.js");
  return askWhether(
    (paint) => renderStrangers(tables, paint),
    "Found",
    flags.remove ? "Take them over, and remove the others?" : "Take them over?",
  );
}
