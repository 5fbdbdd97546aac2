import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { Clock } from "../../src/model/clock.js";
import type { Environment } from "../../src/config/environment.js";
import { SyncError } from "../../src/model/errors.js";
import type { RunReport } from "../../src/model/report.js";
import type { Usage } from "../convex/usage.js";
import { startLocal, type LocalStack } from "../start-local.js";
import type { Cleanup } from "./cleanup.js";
import type { Narrator } from "./narrator.js";
import { runCommand } from "./run-command.js";

export interface StageOptions {
  scale: number;
  seed: number;
  environment: Environment;
  narrator: Narrator;
  cleanup: Cleanup;
  clock: Clock;
}

/** What the demo uses: both servers, a connection for the other job and the oracle, and the command line. */
export interface Stage {
  stack: LocalStack;
  sql: Sql;
  /** Runs the tool; its output is shown. Returns what Convex metered meanwhile. Throws unless it exits with 0. */
  run(...args: string[]): Promise<Usage>;
  /** The same of a command that goes on until it is stopped. */
  start(...args: string[]): OngoingCommand;
  /** The report of the last `sync`, as the tool has recorded it in Postgres. */
  lastReport(): Promise<RunReport>;
}

interface OngoingCommand {
  /** Rejects if it ends by itself. */
  failed: Promise<never>;
  /** Throws unless it exits with 0. */
  stop(): Promise<void>;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { narrator, cleanup, environment } = options;
  const folder = await mkdtemp(join(tmpdir(), "datahub-sync-demo-"));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const stack = await startLocal({ ...options, port: null });
  cleanup.add(() => stack.stop());
  const sql = postgres(stack.databaseUrl, { max: 2, onnotice: () => {} });
  cleanup.add(() => sql.end({ timeout: 0 }));

  const { DATABASE_URL, CONVEX_URL, CONVEX_SYNC_AUTH_KEY } = stack.environment;
  const variables = {
    DATABASE_URL,
    CONVEX_URL,
    CONVEX_SYNC_AUTH_KEY,
    DATAHUB_SYNC_LOG_DIR: join(folder, "logs"),
    // Its log tells what its tables tell.
    DATAHUB_SYNC_LOG_LEVEL: "warn",
  } as Record<string, string>;

  return {
    stack,
    sql,
    async run(...args) {
      const commandLine = ["datahub-sync", ...args].join(" ");
      narrator.command(commandLine);
      stack.deployment.resetUsage();
      const exitCode = await runCommand(args, {
        environment,
        variables,
        folder,
        onStart: (stop) => cleanup.add(stop),
      });
      narrator.line();
      if (exitCode !== 0) throw commandFailed(commandLine, exitCode);
      return stack.deployment.usage();
    },
    start(...args) {
      const commandLine = ["datahub-sync", ...args].join(" ");
      narrator.command(commandLine);
      let stop = () => Promise.resolve();
      const onStart = (how: () => Promise<void>) => {
        stop = how;
        cleanup.add(how);
      };
      const ended = runCommand(args, { environment, variables, folder, onStart });
      const failed = ended.then((exitCode) => Promise.reject(commandFailed(commandLine, exitCode)));
      failed.catch(() => {}); // it is meant to end when it is stopped
      return {
        failed,
        async stop() {
          await stop();
          const exitCode = await ended;
          if (exitCode !== 0) throw commandFailed(commandLine, exitCode);
        },
      };
    },
    async lastReport() {
      const [row] = await sql<{ report: RunReport }[]>`
        SELECT report FROM datahub_sync.runs ORDER BY started_at DESC LIMIT 1`;
      return row!.report;
    },
  };
}

function commandFailed(commandLine: string, exitCode: number): SyncError {
  return new SyncError({
    code: "INTERNAL",
    message: `\`${commandLine}\` ended with exit code ${exitCode}, where the story needs 0.`,
    remedy: "Its own message stands above. In the demo this is a bug: please report it.",
  });
}
