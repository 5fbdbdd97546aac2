import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunReport, StatusReport } from "../../src/model/report.js";
import { findBuiltCli } from "../support/built-cli.js";

export interface Finished {
  /** Null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  finished: Promise<Finished>;
}

export type Variables = Readonly<Record<string, string>>;

/** The built command line, run as a subprocess in an empty folder of its own, with no variables but those given. */
export class CliProcess {
  /** All that was ever printed, to look for secrets in. */
  readonly transcript: string[] = [];

  private constructor(
    private readonly main: string,
    readonly folder: string,
    private readonly variables: Variables,
  ) {}

  static async create(variables: Variables = {}): Promise<CliProcess> {
    const folder = await mkdtemp(join(tmpdir(), "datahub-sync-cli-"));
    return new CliProcess(await findBuiltCli(), folder, variables);
  }

  /** @param variables over, not beside, the usual ones where they have the same name; an empty one counts as absent */
  start(args: readonly string[], variables: Variables = {}): Running {
    const child = spawn(process.execPath, [this.main, ...args], {
      cwd: this.folder,
      env: { PATH: process.env["PATH"], HOME: this.folder, ...this.variables, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { child, finished: this.#finish(child) };
  }

  run(args: readonly string[], variables: Variables = {}): Promise<Finished> {
    return this.start(args, variables).finished;
  }

  /** Runs `sync --json`. Throws when standard output is anything but one object. */
  async sync(
    args: readonly string[] = [],
    variables: Variables = {},
  ): Promise<Finished & { report: RunReport }> {
    const finished = await this.run(["sync", "--json", ...args], variables);
    return { ...finished, report: JSON.parse(finished.stdout) as RunReport };
  }

  async status(args: readonly string[] = []): Promise<Finished & { report: StatusReport }> {
    const finished = await this.run(["status", "--json", ...args]);
    return { ...finished, report: JSON.parse(finished.stdout) as StatusReport };
  }

  /** All log files. */
  async readLogs(): Promise<string> {
    const names = await readdir(join(this.folder, "logs"));
    return (await Promise.all(names.map((name) => readFile(join(this.folder, "logs", name), "utf8")))).join(
      "",
    );
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  async #finish(child: ChildProcess): Promise<Finished> {
    let [stdout, stderr] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const [code] = (await once(child, "close")) as [number | null];
    this.transcript.push(stdout, stderr);
    return { code, stdout, stderr };
  }
}
