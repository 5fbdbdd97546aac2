import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { SERVER_ENVIRONMENT } from "./binaries.js";
import type { ServerOwner } from "./server-owner.js";
import type { Watchdog, Watched } from "./watchdog.js";

/** `fast` ends connections and writes a checkpoint; `immediate` is a crash that Postgres recovers from. */
export type StopMode = "fast" | "immediate";

const STOP_SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** What a failing start shows of the server's log. */
const MAX_LOG_CHARACTERS = 4_000;

export interface ServerCommand {
  program: string;
  args: string[];
  folder: string;
  owner: ServerOwner;
  watchdog: Watchdog;
}

export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process is gone, for whatever reason. */
  readonly ended: Promise<void>;
  /** Resolves when the process is gone, at once if it already is. */
  stop(mode: StopMode): Promise<void>;
}

/**
 * Starts the server and resolves when it accepts connections.
 *
 * @throws with the end of the server's log if it ends before that.
 */
export async function launchServer(command: ServerCommand): Promise<ServerProcess> {
  const { child, exited, log } = launch(command, "QUIT");
  const stderr = child.stderr as Socket;
  await new Promise<void>((resolve, reject) => {
    stderr.on("data", () => {
      if (log().includes("database system is ready to accept connections")) resolve();
    });
    exited.then(() => reject(new Error(log())), reject);
  });
  stderr.removeAllListeners("data").resume();
  // A forgotten server does not keep this process alive; the watchdog ends it afterwards.
  child.unref();
  stderr.unref();

  return {
    pid: child.pid!,
    ended: exited.then(() => undefined),
    async stop(mode) {
      // Both: the process is gone when its output is closed, which may be later.
      child.ref();
      stderr.ref();
      if (child.exitCode === null && child.signalCode === null) child.kill(STOP_SIGNALS[mode]);
      await exited;
    },
  };
}

/** Runs a program to its end. @throws with what it wrote to standard error if it fails. */
export async function runToEnd(command: ServerCommand): Promise<void> {
  const { child, exited, log } = launch(command, "KILL");
  await exited;
  if (child.exitCode !== 0) throw new Error(log());
}

function launch({ program, args, folder, owner, watchdog }: ServerCommand, signal: Watched["signal"]) {
  const child = spawn(program, args, {
    ...owner,
    cwd: folder, // the current folder may be one that the owner cannot enter
    env: SERVER_ENVIRONMENT,
    detached: true, // Ctrl-C at the terminal is for the caller, who stops the server in its own order
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (child.pid !== undefined) watchdog.watch({ processGroup: child.pid, signal });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-MAX_LOG_CHARACTERS);
  });
  const exited = once(child, "close").finally(() => watchdog.watch(undefined));
  exited.catch(() => {}); // awaited later, perhaps
  return { child, exited, log: () => log.trim() };
}
