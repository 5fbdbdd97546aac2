import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunReport } from "../src/model/report.js";
import { buildCli } from "../tests/support/build-cli.js";
import { runNode, type Measured } from "./measured-process.js";

/** The built command line as cron runs it: a process of its own. */
export class Cli {
  private constructor(
    private readonly main: string,
    private readonly folder: string,
  ) {}

  static async create(): Promise<Cli> {
    return new Cli(await buildCli(), await mkdtemp(join(tmpdir(), "datahub-sync-bench-")));
  }

  /** Gives the command line a configuration file. */
  async configure(config: object): Promise<void> {
    await writeFile(join(this.folder, "datahub-sync.config.json"), JSON.stringify(config));
  }

  run(environment: Record<string, string>, ...args: string[]): Promise<Measured> {
    return this.#run(environment, [this.main, ...args]);
  }

  /** A process of Node that does nothing. */
  runBare(): Promise<Measured> {
    return this.#run({}, ["--eval", ""]);
  }

  #run(environment: Record<string, string>, args: string[]): Promise<Measured> {
    // 3: done, and something is left, as where a run could not mend the tracking.
    return runNode(args, { folder: this.folder, environment, allowed: [0, 3] });
  }

  async sync(
    environment: Record<string, string>,
    ...args: string[]
  ): Promise<Measured & { report: RunReport }> {
    const measured = await this.run(environment, "sync", "--json", ...args);
    return { ...measured, report: JSON.parse(measured.stdout) as RunReport };
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
