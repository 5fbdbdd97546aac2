import type { Candidate } from "../../commands/init/find-candidates.js";
import { loadConfig } from "../../config/load-config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import type { InitFlags } from "../init.js";
import { nameOf, renderCandidates, renderFiles, renderWritten, toJson } from "../render/init-report.js";
import { configInput, runSession, type Session } from "../session.js";
import { homeOf } from "./schema.js";

export async function runInit(flags: InitFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const loaded = await loadConfig(
    configInput(io, flags.envFile === undefined ? {} : { envFile: flags.envFile }),
    "source",
  );
  const session = { io, flags, loaded: null, secrets: loaded.secrets };
  return runSession(session, async (running) => {
    const { context, print, log } = running;
    if (flags.watch !== undefined) log.info(`watching some rows of each table for ${flags.watch} s`);
    const candidates = await commands.findCandidates({
      ...context,
      config: loaded.config,
      keys: flags.key ?? new Map(),
      watchSeconds: flags.watch ?? null,
    });
    if (flags.list) {
      print(toJson(candidates, [], [], false), (paint) =>
        renderCandidates(candidates, flags.watch !== undefined, paint),
      );
      return EXIT.done;
    }
    const chosen = await choose(flags, io, running, candidates);
    const files = await commands.planFiles({ cwd: io.cwd, home: homeOf(io.cwd), chosen });
    const written = !flags.dryRun && (await agree(flags, io, running, chosen, files));
    if (written) await commands.writeFiles(io.cwd, files);
    print(toJson(candidates, chosen, files, written), (paint) =>
      written ? renderWritten(files, paint) : `${renderFiles(chosen, files, paint)}\n\nNothing was written.`,
    );
    return EXIT.done;
  });
}

/** A person sits at the terminal, and is asked. */
const canAsk = (io: CliIo, { interactive }: Session) =>
  interactive && io.stdout.isTTY === true && process.stdin.isTTY;

async function choose(
  flags: InitFlags,
  io: CliIo,
  session: Session,
  candidates: readonly Candidate[],
): Promise<Candidate[]> {
  const mirrorable = candidates.filter(({ resolved }) => !(resolved instanceof SyncError));
  if (flags.table !== undefined)
    return Promise.all(flags.table.map((name) => findCandidate(name, candidates)));
  if (flags.all) {
    if (mirrorable.length > 0) return mirrorable.filter(({ isToolsOwn }) => !isToolsOwn);
    throw usage("No relation of this database can be mirrored.", "`datahub-sync init --list` says why.");
  }
  if (canAsk(io, session) && mirrorable.length > 0) {
    const { askWhich } = await import("./init-prompts.js");
    return askWhich(mirrorable, candidates.length - mirrorable.length);
  }
  throw usage(
    "Which relations are to be mirrored is not said, and there is no terminal to ask at.",
    "Name them with --table, or all with --all; `datahub-sync init --list` says what there is.",
  );
}

async function findCandidate(name: string, candidates: readonly Candidate[]): Promise<Candidate> {
  const found = candidates.find((candidate) => nameOf(candidate) === name);
  if (found === undefined) {
    const { didYouMean } = await import("../../config/did-you-mean.js");
    const guess = didYouMean(name, candidates.map(nameOf));
    throw usage(
      `There is no relation ${name} that this role can read.`,
      `${guess === null ? "" : `${guess} `}\`datahub-sync init --list\` says what there is.`,
    );
  }
  if (found.resolved instanceof SyncError) throw found.resolved;
  return found;
}

async function agree(
  flags: InitFlags,
  io: CliIo,
  session: Session,
  chosen: readonly Candidate[],
  files: Awaited<ReturnType<Commands["planFiles"]>>,
): Promise<boolean> {
  if (flags.yes) return true;
  if (!canAsk(io, session))
    throw usage(
      "Nothing is written without a yes, and there is no terminal to ask at.",
      "Add --yes; --dry-run shows what would be written.",
    );
  const { askWhether } = await import("./init-prompts.js");
  return askWhether((paint) => renderFiles(chosen, files, paint));
}

function usage(message: string, remedy: string): SyncError {
  return new SyncError({ code: "USAGE", message, remedy });
}
