import { once } from "node:events";
import { resolve } from "node:path";
import { loadConfig } from "../../config/load-config.js";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands, LocalOptions } from "../commands.js";
import { refuseForeignEnvFile, removeEnvFile, writeEnvFile } from "../env-file.js";
import type { LocalFlags } from "../local.js";
import { configInput, runSession, type Session } from "../session.js";

const LEAVES_YOUR_DATABASE =
  "what `migrate` adds to your database for this deployment stays there: `untrack` with the same variables, while this runs, removes it";

export async function runLocal(flags: LocalFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const envFile = flags.writeEnv === undefined ? null : resolve(io.cwd, flags.writeEnv);
  if (envFile !== null) refuseForeignEnvFile(envFile);
  const { scale, seed, empty = false, port = null } = { port: null, ...flags };
  const loaded = flags.databaseUrl
    ? await loadConfig(
        configInput(io, flags.envFile === undefined ? {} : { envFile: flags.envFile }),
        "source",
      )
    : null;
  const options = { scale, seed, empty, port, database: loaded?.config.database ?? null };
  // It keeps no log, also where a configuration says where.
  const session = { io, flags, loaded: null, secrets: loaded?.secrets ?? [] };
  return runSession(session, (running) => serve(options, io, envFile, running, commands));
}

async function serve(
  options: Omit<LocalOptions, "clock" | "signal">,
  io: CliIo,
  envFile: string | null,
  { context, log }: Session,
  commands: Commands,
): Promise<ExitCode> {
  const deployment = await commands.local({ ...context, ...options });
  try {
    if (!io.signal.aborted) {
      if (envFile !== null) writeEnvFile(envFile, deployment.environment);
      io.stdout.write(`${JSON.stringify({ ready: true, ...deployment.description, envFile })}\n`);
      log.info("ready; Ctrl-C ends it");
      if (options.database !== null) log.info(LEAVES_YOUR_DATABASE);
      await Promise.race([once(io.signal, "abort"), deployment.failed]);
    }
  } finally {
    if (envFile !== null) removeEnvFile(envFile);
    await deployment.stop();
  }
  // A signal is how it is meant to end; whatever else aborts is a failure.
  const reason: unknown = io.signal.reason;
  if (!(reason instanceof SyncError && reason.code === "INTERRUPTED")) throw reason;
  return EXIT.done;
}
