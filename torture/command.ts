import { spawn, type ChildProcess } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface CommandOptions {
  /** The built command line. */
  main: string;
  folder: string;
  environment: Record<string, string>;
}

export interface Ended {
  args: readonly string[];
  /** Null: killed by a signal. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** One run of the command line, a process of its own. */
export class Command {
  static readonly #living = new Set<ChildProcess>();
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  /** @param number of the run, for the name of its file */
  constructor(
    { main, folder, environment }: CommandOptions,
    readonly number: number,
    readonly args: readonly string[],
  ) {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    Command.#living.add(child);
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    this.#child = child;
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode) => {
        Command.#living.delete(child);
        const ended = { args, exitCode, ...output };
        const text = `${args.join(" ")}\nexit ${exitCode}\n\n${output.stdout}\n${output.stderr}`;
        writeFile(join(folder, `run-${this.number}.txt`), text).then(() => resolve(ended), reject);
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    if (this.running) this.#child.kill(name);
  }

  /** Waits for its end, or for the time to pass: then null. */
  async endedWithin(ms: number): Promise<Ended | null> {
    const stop = new AbortController();
    const late = sleep(ms, null, { signal: stop.signal }).catch(() => null);
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      stop.abort();
    }
  }

  /** No process goes on when the torture has ended. */
  static killAll(): void {
    for (const child of Command.#living) child.kill("SIGKILL");
  }
}
