import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { RunReport } from "../src/report.js";
import { buildCli } from "../tests/support/build-cli.js";

/** Tells the process's peak memory on file descriptor 3 when it ends. `maxRSS` is in KiB. */
const TELL_MEMORY = `data:text/javascript,${encodeURIComponent(
  `import { writeSync } from "node:fs"; process.on("exit", () => writeSync(3, String(process.resourceUsage().maxRSS)));`,
)}`;

export interface Measured {
  stdout: string;
  peakBytes: number;
  durationMs: number;
}

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
    return this.#spawn(environment, [this.main, ...args]);
  }

  /** A process of Node that does nothing. */
  runBare(): Promise<Measured> {
    return this.#spawn({}, ["--eval", ""]);
  }

  async #spawn(environment: Record<string, string>, args: string[]): Promise<Measured> {
    const startedAt = performance.now();
    const child = spawn(process.execPath, ["--import", TELL_MEMORY, ...args], {
      cwd: this.folder,
      env: { PATH: process.env["PATH"], HOME: this.folder, ...environment },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const texts = child.stdio.slice(1).map((stream) => collect(stream as Readable));
    const [code] = (await once(child, "close")) as [number | null];
    const [stdout, stderr, memory] = (await Promise.all(texts)) as [string, string, string];
    // 3: done, and something is left, as where a run could not mend the tracking.
    if (code !== 0 && code !== 3) throw new Error(`node ${args.join(" ")} ended with ${code}:\n${stderr}`);
    return { stdout, peakBytes: Number(memory) * 1024, durationMs: performance.now() - startedAt };
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

async function collect(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk as string;
  return text;
}
