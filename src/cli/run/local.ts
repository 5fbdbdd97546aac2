import { once } from "node:events";
import { resolve } from "node:path";
import { EXIT, SyncError, type ExitCode } from "../../model/errors.js";
import type { CliIo } from "../cli-io.js";
import type { Commands } from "../commands.js";
import { refuseForeignEnvFile, removeEnvFile, writeEnvFile } from "../env-file.js";
import type { LocalFlags } from "../local.js";
import { runSession, type Session } from "../session.js";

export async function runLocal(flags: LocalFlags, io: CliIo, commands: Commands): Promise<ExitCode> {
  const envFile = flags.writeEnv === undefined ? null : resolve(io.cwd, flags.writeEnv);
  if (envFile !== null) refuseForeignEnvFile(envFile);
  return runSession({ io, flags, loaded: null }, (session) => serve(flags, io, envFile, session, commands));
}

async function serve(
  { scale, seed, empty = false, port = null }: Omit<LocalFlags, "port"> & { port?: number | null },
  io: CliIo,
  envFile: string | null,
  { context, log }: Session,
  commands: Commands,
): Promise<ExitCode> {
  const deployment = await commands.local({ ...context, scale, seed, empty, port });
  try {
    if (!io.signal.aborted) {
      if (envFile !== null) writeEnvFile(envFile, deployment.environment);
      io.stdout.write(`${JSON.stringify({ ready: true, ...deployment.description, envFile })}\n`);
      log.info("ready; Ctrl-C ends it");
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
